package adminapi

import (
	"encoding/hex"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/app"
)

// getEnvironment answers with one environment: as a page for browsers, else as JSON.
func (a *API) getEnvironment(w http.ResponseWriter, r *http.Request) {
	s := a.app.Status()
	e, ok := environment(w, s, r.PathValue("key"))
	if !ok {
		return
	}
	if !wantsPage(r) {
		answer(w, http.StatusOK, detailsOf(s, e))
		return
	}
	a.pages.environment(w, environmentPageOf(s, e))
}

// environmentPage is what the page of an environment shows, in words.
type environmentPage struct {
	Title                                                     string
	Style                                                     template.CSS
	Row                                                       row
	Key, Project, Source, Limit, Updated, Served, LastFailure string
	Listeners                                                 int
	HasDocument                                               bool
	Changes                                                   []changeList
	Problems                                                  []problemJSON
	Polls                                                     []pollView
	HeldBack                                                  *heldBackView
	Measures                                                  []string
}

// heldBackView is a document that is held back.
type heldBackView struct{ Since, Until, Reasons string }

type changeList struct{ Kind, Names string }

type pollView struct{ At, Class, Outcome, Took, Via, Cause string }

func environmentPageOf(s app.Status, e app.EnvironmentStatus) environmentPage {
	v := environmentPage{
		Title: name(e), Row: rowOf(s, e), Key: string(e.Key), Project: e.Facts.Project, Source: string(e.Origin),
		Updated: clock(e.Updated), Served: clock(e.Served), Listeners: e.Listeners, HasDocument: hasDocument(e),
		Problems: detailsOf(s, e).FirstProblems,
	}
	if s.Limit > 0 {
		v.Limit = span(s.Limit)
	}
	if f := e.LastFailure; f != nil {
		v.LastFailure = strings.TrimSuffix(ago(s, f.At)+", "+words(f.Outcome)+": "+f.Cause, ": ")
	}
	v.Measures = measuresOf(e)
	if h := e.HeldBack; h != nil {
		v.HeldBack = &heldBackView{clock(h.Since), clock(h.Until), strings.Join(h.Reasons, ", ")}
	}
	if c := e.LastChange; c != nil {
		for _, list := range []struct {
			kind  string
			names []string
		}{{"Features changed", c.Changed}, {"Features added", c.Added}, {"Features removed", c.Removed}, {"Segments", c.Segments}} {
			if len(list.names) > 0 {
				v.Changes = append(v.Changes, changeList{list.kind, listOf(list.names, 100, 100)})
			}
		}
		if c.Identities > 0 {
			v.Changes = append(v.Changes, changeList{"Identities", plural(c.Identities, "identity", "identities")})
		}
	}
	for _, p := range slices.Backward(e.Polls) {
		class := "good"
		if failed(p) {
			class = "critical"
		}
		v.Polls = append(v.Polls, pollView{clock(p.At), class, words(p.Outcome), span(p.Took), string(p.Via), p.Cause})
	}
	return v
}

// getDocument answers with the document that is served, as it was got but with the
// server-side keys masked.
func (a *API) getDocument(w http.ResponseWriter, r *http.Request) {
	e, ok := environment(w, a.app.Status(), r.PathValue("key"))
	if !ok {
		return
	}
	if version := r.URL.Query().Get("version"); version != "" && a.o.History != nil {
		a.getDocumentVersion(w, r, version)
		return
	}
	served := a.app.Snapshot().Environment(e.Key)
	if served == nil {
		refuse(w, http.StatusNotFound, "no document of this environment has arrived")
		return
	}
	document(w, r, served.Body, hex.EncodeToString(served.Digest[:]), served.UpdatedAt)
}
