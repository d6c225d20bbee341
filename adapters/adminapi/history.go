package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// History is where former documents are. app.App implements it, and its methods' comments
// say what they do. They are called concurrently.
type History interface {
	History(ctx context.Context, key domain.EnvironmentKey) ([]app.HistoryEntry, error)
	Document(ctx context.Context, key domain.EnvironmentKey, version string) (app.HistoryEntry, []byte, error)
}

type historyEntryJSON struct {
	Version  int        `json:"version"` // 0: the newest
	SHA256   string     `json:"sha256"`
	Updated  *time.Time `json:"updated"`
	Replaced *time.Time `json:"replaced"`
	Bytes    int        `json:"bytes"`
}

// getHistory answers with the documents that an environment has and had, the newest first.
func (a *API) getHistory(w http.ResponseWriter, r *http.Request) {
	entries, err := a.o.History.History(r.Context(), domain.EnvironmentKey(r.PathValue("key")))
	if err != nil {
		a.refuseHistory(w, r, err)
		return
	}
	list := make([]historyEntryJSON, 0, len(entries))
	for i, e := range entries {
		list = append(list, historyEntryJSON{i, e.SHA256, moment(e.Updated), moment(e.Replaced), e.Bytes})
	}
	answer(w, http.StatusOK, map[string][]historyEntryJSON{"documents": list})
}

// getDocumentVersion answers with a document of the history, with the server-side keys masked.
func (a *API) getDocumentVersion(w http.ResponseWriter, r *http.Request, version string) {
	entry, body, err := a.o.History.Document(r.Context(), domain.EnvironmentKey(r.PathValue("key")), version)
	if err != nil {
		a.refuseHistory(w, r, err)
		return
	}
	document(w, r, body, entry.SHA256, entry.Updated)
}

func (a *API) refuseHistory(w http.ResponseWriter, r *http.Request, err error) {
	a.refuseError(w, r, "history", "the history could not be read; the log says why", measureError(err))
}
