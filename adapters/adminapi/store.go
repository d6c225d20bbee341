package adminapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// storePatience bounds a call of the store.
	storePatience = 20 * time.Second

	// Headers of a record of the store, beside its document.
	recordVersionHeader   = "X-Record-Version"
	recordUpdatedAtHeader = "X-Record-Updated-At"
	recordCheckedAtHeader = "X-Record-Checked-At"
)

// getStore answers with the keys of the documents in the node's store, so that a store
// that serves one process at a time can be looked into while it is in use.
func (a *API) getStore(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), storePatience)
	defer cancel()
	keys, err := a.o.Store.List(ctx)
	if err != nil {
		refuseStore(w, err)
		return
	}
	shown := make([]string, 0, len(keys))
	for _, key := range keys {
		shown = append(shown, domain.RedactServerKeys(string(key)))
	}
	slices.Sort(shown)
	answer(w, http.StatusOK, map[string]any{"url": a.o.Node.Store, "keys": shown})
}

// getRecord answers with one document of the store, with the server-side keys masked, and
// with what the store knows about it as headers.
func (a *API) getRecord(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), storePatience)
	defer cancel()
	record, err := a.o.Store.Get(ctx, domain.EnvironmentKey(r.PathValue("key")))
	if err != nil {
		refuseStore(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set(recordVersionHeader, string(record.Version))
	for name, at := range map[string]time.Time{recordUpdatedAtHeader: record.UpdatedAt, recordCheckedAtHeader: record.CheckedAt} {
		if !at.IsZero() {
			h.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(domain.RedactServerKeys(string(record.Body)))))
}

// refuseStore answers why the store did not: 404 without a document, 500 for one that
// cannot be read, 502 when the store is away.
func refuseStore(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, ports.ErrNotFound):
		refuse(w, http.StatusNotFound, "the store has no document under this key; /store lists the keys")
		return
	case errors.Is(err, ports.ErrCorrupt):
		status = http.StatusInternalServerError
	}
	refuse(w, status, err.Error())
}
