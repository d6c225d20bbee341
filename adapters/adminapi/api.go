package adminapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/edge-proxy/edge-proxy/app"
)

// API is the interface for operators: a handler. It is safe for concurrent use.
type API struct {
	o        Options
	app      Application
	pages    *pages
	profiles *profiles
	streams  chan struct{} // has an element for each open stream of events
	handler  http.Handler
}

// New returns the API. It panics when two actions have the same pattern.
func New(o Options) (*API, error) {
	pages, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("admin interface: %w", err)
	}
	a := &API{o: o, app: o.Application, pages: pages, profiles: newProfiles(o.Now), streams: make(chan struct{}, maxStreams)}
	a.handler = a.routes()
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// routes returns the handler of all requests. Patterns are those of http.ServeMux.
func (a *API) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.getHealth)
	mux.HandleFunc("GET /readyz", a.getReadiness)
	mux.HandleFunc("GET /readyz/{environment}", a.getReadinessOf)
	if a.o.Metrics != nil {
		mux.Handle("GET /metrics", a.o.Metrics)
	}
	for pattern, page := range map[string]http.HandlerFunc{
		"GET /{$}":                         a.getPage,
		"GET /status":                      a.getPage,
		"GET /status.json":                 a.getStatus,
		"GET /environments/{key}":          a.getEnvironment,
		"GET /environments/{key}/document": a.getDocument,
		"GET /events":                      a.getEvents,
		"GET /config":                      a.getConfiguration,
		"GET /version":                     a.getVersion,
		"GET /debug/pprof/{$}":             a.getProfiles,
		"GET /debug/pprof/{name}":          a.getProfile,
	} {
		mux.Handle(pattern, a.forReaders(page))
	}
	if a.o.History != nil {
		mux.Handle("GET /environments/{key}/history", a.forReaders(a.getHistory))
	}
	if a.o.Store != nil {
		mux.Handle("GET /store", a.forReaders(a.getStore))
		mux.Handle("GET /store/{key}", a.forReaders(a.getRecord))
	}
	for _, action := range a.o.Actions {
		mux.Handle(action.Pattern, a.forActors(action))
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is no such page; "+documentation+"admin.md lists them")
	})
	// What is not an action is answered as an action that there is not, so that nobody
	// without the token learns which there are.
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		mux.Handle(method+" /", a.forActors(noAction))
	}
	return a.guarded(mux)
}

// noAction is what a request does that names no action.
var noAction = Action{Name: "none", ReadsOnly: true, Do: func(context.Context, *Call) (any, error) {
	return nil, &Refusal{http.StatusNotFound, "there is no such action; " + documentation + "admin.md lists them"}
}}

// environment returns the status of the environment that the path names, or answers that it
// does not exist.
func environment(w http.ResponseWriter, s app.Status, key string) (app.EnvironmentStatus, bool) {
	for _, e := range s.Environments {
		if string(e.Key) == key {
			return e, true
		}
	}
	refuse(w, http.StatusNotFound, "this node does not serve an environment with that client-side key; /status.json lists those that it serves")
	return app.EnvironmentStatus{}, false
}
