package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The places that documents come from.
const (
	PlaceProxy = "proxy" // what a running proxy serves
	PlaceAPI   = "api"   // fetched now, as the proxy would
	PlaceStore = "store"
)

// placeHistory begins the places of former documents, such as history:1.
const placeHistory = "history:"

// HistoryPlace returns the version of the history that a place such as history:2 names, as
// for app.App's Document. ok is false for another place, and for one without a version.
func HistoryPlace(place string) (version string, ok bool) {
	version, ok = strings.CutPrefix(place, placeHistory)
	return version, ok && version != ""
}

// IsPlace reports whether a text names a place of documents.
func IsPlace(text string) bool {
	_, former := HistoryPlace(text)
	return former || text == PlaceProxy || text == PlaceAPI || text == PlaceStore
}

// Fetch fetches the document of an environment with the first of its keys that opens it.
// Errors: those of ports.Upstream; one that says that no key is valid.
func Fetch(ctx context.Context, upstream ports.Upstream, e domain.EnvironmentKeys, now time.Time) ([]byte, error) {
	err := fmt.Errorf("the environment %s has no server-side key that is valid and known whole", e.Client)
	for _, key := range e.FetchKeys(now) {
		var answer ports.Document
		answer, err = upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: e.Client, Key: key, Discovered: e.Discovered})
		if err == nil && answer.NotModified {
			err = ports.ErrNotModifiedWithoutCondition
		}
		if err == nil || ctx.Err() != nil {
			return answer.Body, err
		}
	}
	return nil, err
}

// Stored reads a document from a store. Errors: those of ports.Reader.
func Stored(ctx context.Context, store ports.Reader, key domain.EnvironmentKey) ([]byte, error) {
	record, err := store.Get(ctx, key)
	if errors.Is(err, ports.ErrNotFound) {
		return nil, fmt.Errorf("the store has no document under %s: %w", key, err)
	}
	return record.Body, err
}
