package httpapi

import (
	"net/http"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// getDocument answers with the environment document, byte for byte as upstream sent it,
// or with a page of it. It refuses client-side keys, whether the document has arrived or
// not.
func (a *API) getDocument(w http.ResponseWriter, r bunrouter.Request) error {
	entry, err := a.authenticate(r.Request)
	if err != nil {
		return err
	}
	if entry.Access != domain.ServerSide {
		return errServerOnly
	}
	if entry.Environment == nil {
		return errNoDocument
	}
	p := presentationOf(entry.Environment)
	asked, paged, err := pageOf(r.URL.RawQuery, p.document.tag())
	switch {
	case err != nil:
		return err
	case paged:
		return a.writePage(w, r.Request, entry, asked)
	}
	return a.writeDocument(w, r.Request, entry)
}

// writeDocument writes the environment's whole document.
func (a *API) writeDocument(w http.ResponseWriter, r *http.Request, entry app.Entry) error {
	p := presentationOf(entry.Environment)
	held := a.held(w, r, p, &p.document)
	if held == formNone {
		if err := a.admitDocument(r); err != nil {
			return err
		}
		defer a.leaveDocument()
	}
	a.served(w, r, entry, domain.ServedEnvironmentDocument)
	p.document.answer(w, r, held)
	return nil
}
