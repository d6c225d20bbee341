package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/query"
)

// The event streams of OFREP 0.3, for providers that keep all flags. The answer with all
// flags names a stream. Its events name the document that is served, by the document's
// tag and time, and have the provider fetch the flags again. The provider repeats tag and
// time in that request.
//
// The address of a stream has the tag of the document that its answer was made from, and
// the id of an event is a tag too. So a stream begins with an event if the provider missed
// a change: before it connected, or while it was not connected.
const (
	ofrepStream     = "/sse/environments/:key/ofrep"
	ofrepStreamHeld = "etag" // query parameter: the tag of the document that the provider has
)

// ofrepEventStreams returns the member of the answer with all flags that names the stream
// of an environment.
func ofrepEventStreams(key domain.EnvironmentKey, tag string) []byte {
	address := strings.Replace(ofrepStream, ":key", url.PathEscape(string(key)), 1) + "?" + ofrepStreamHeld + "=" + tag
	member := jsonscan.AppendString([]byte(`,"eventStreams":[{"type":"sse","endpoint":{"requestUri":`), address)
	return append(member, "}}]"...)
}

// advertisesStreams reports whether answers with all flags name a stream of events.
func (a *API) advertisesStreams() bool { return !a.o.NoOFREPStreams && a.o.Announcements != nil }

// getOFREPStream answers with a stream of events about an environment, in OFREP's form.
func (a *API) getOFREPStream(w http.ResponseWriter, r bunrouter.Request) error {
	held := lastEvent(r.Request)
	return a.stream(w, r, func(key domain.EnvironmentKey) sse.Events {
		events := sse.Events{Updated: func(dst []byte, _ time.Time) []byte { return a.appendRefetch(dst, key) }}
		entry, err := a.lookup(string(key))
		if err == nil && entry.Environment != nil && held != "" && held != presentationOf(entry.Environment).document.tag() {
			events.First = a.appendRefetch(nil, key)
		}
		return events
	})
}

// lastEvent returns the tag of the document that the listener knows of, or "".
func lastEvent(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return strings.Clone(id)
	}
	held, _ := query.Value(r.URL.RawQuery, ofrepStreamHeld)
	return strings.Clone(held)
}

// appendRefetch appends the event about the document that is served now. It appends
// nothing without one.
func (a *API) appendRefetch(dst []byte, key domain.EnvironmentKey) []byte {
	entry, err := a.lookup(string(key))
	if err != nil || entry.Environment == nil {
		return dst
	}
	tag := presentationOf(entry.Environment).document.tag()
	dst = append(append(dst, "id: "...), tag...)
	dst = append(dst, "\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\""...)
	dst = append(append(dst, tag...), '"')
	if at := entry.Environment.UpdatedAt; !at.IsZero() {
		dst = strconv.AppendInt(append(dst, `,"lastModified":`...), at.Unix(), 10)
	}
	return append(dst, "}\n\n"...)
}

const (
	// catchUp is how long a request about a change waits until this node has it. Nodes
	// that share a store learn of a change within milliseconds of each other.
	catchUp = time.Second
	// maxCatchUp is how many requests wait at a time. Others are answered at once.
	maxCatchUp = 10_000
)

// configuration is what a request knows of the configuration of flags from an event.
type configuration struct {
	tag        string // "": nothing
	modifiedAt int64  // Unix time; 0: unknown
}

// namedConfiguration returns the configuration that a request names.
func namedConfiguration(raw string) (c configuration) {
	if raw == "" {
		return c
	}
	c.tag, _ = query.Value(raw, "flagConfigEtag")
	c.tag = strings.Trim(c.tag, `"`)
	text, _ := query.Value(raw, "flagConfigLastModified")
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		c.modifiedAt = max(seconds, 0)
	} else if at, err := time.Parse(time.RFC3339, text); err == nil {
		c.modifiedAt = max(at.Unix(), 0)
	}
	return c
}

// isOf reports whether e is the configuration, or the request names none.
func (c configuration) isOf(e *app.Environment) bool {
	return c.tag == "" || c.tag == presentationOf(e).document.tag()
}

// mayFollow reports whether the configuration may be newer than e.
func (c configuration) mayFollow(e *app.Environment) bool {
	return !c.isOf(e) && (c.modifiedAt == 0 || e.UpdatedAt.IsZero() || c.modifiedAt >= e.UpdatedAt.Unix())
}

// caughtUp returns the entry of a request that names a configuration, with the document of
// that configuration if this node gets it within a moment: a load balancer may have sent
// the event's listener to one node and its next request to another.
func (a *API) caughtUp(r *http.Request, entry app.Entry, key string, named configuration) app.Entry {
	if a.o.Announcements == nil || !named.mayFollow(entry.Environment) || !a.catchUps.Take(r.Context().Done()) {
		return entry
	}
	defer a.catchUps.Give()
	updates, stop := a.o.Announcements.Listen(entry.Key)
	defer stop()
	late := time.NewTimer(catchUp)
	defer late.Stop()
	for {
		if now, err := a.lookup(key); err == nil && now.Environment != nil {
			entry = now
		}
		if !named.mayFollow(entry.Environment) {
			return entry
		}
		select {
		case _, open := <-updates:
			if !open {
				return entry
			}
		case <-late.C:
			return entry
		case <-r.Context().Done():
			return entry
		}
	}
}
