package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/uptrace/bunrouter"
)

// route is one endpoint. Its path is written without a trailing slash and is
// served in both forms; HEAD is served wherever GET is.
type route struct {
	method, path string
	handler      bunrouter.HandlerFunc
}

// routes lists every endpoint.
func (a *API) routes() []route {
	routes := []route{
		{http.MethodGet, "/api/v1/flags", a.getFlags},
		{http.MethodGet, "/api/v1/identities", a.getIdentity},
		{http.MethodPost, "/api/v1/identities", a.postIdentity},
		{http.MethodGet, documentPath, a.getDocument},
		{http.MethodPost, ofrepFlags, a.postOFREPFlags},
		{http.MethodPost, ofrepFlags + "/:key", a.postOFREPFlag},
		{http.MethodGet, "/proxy/health/liveness", a.getLiveness},
		{http.MethodGet, "/proxy/health/readiness", a.getReadiness},
		{http.MethodGet, "/proxy/health", a.getReadiness},
		{http.MethodGet, "/health", a.getReadiness},
	}
	if a.announcements != nil {
		routes = append(routes, route{http.MethodGet, "/sse/environments/:key/stream", a.getStream})
	}
	if a.analytics != nil {
		routes = append(routes,
			route{http.MethodPost, analyticsPath, a.postCounts},
			route{http.MethodPost, evaluationsPath, a.postEvaluations})
	}
	if a.events != nil {
		routes = append(routes,
			route{http.MethodPost, eventsPath, a.postEvents},
			route{http.MethodPost, "/api" + eventsPath, a.postEvents})
	}
	if a.webhook != nil {
		routes = append(routes, route{http.MethodPost, "/proxy/webhook", a.postWebhook})
	}
	return routes
}

// newRouter returns the router of the routes and, by path, the methods that each
// allows.
func newRouter(routes []route) (*bunrouter.Router, map[string]string) {
	allowed := make(map[string]string)
	router := bunrouter.New(
		bunrouter.WithNotFoundHandler(func(http.ResponseWriter, bunrouter.Request) error {
			return errNotFound
		}),
		bunrouter.WithMethodNotAllowedHandler(func(_ http.ResponseWriter, r bunrouter.Request) error {
			return methodNotAllowed(allowed[r.Route()])
		}),
	)
	for _, route := range routes {
		methods := []string{route.method}
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		// Both forms, or else bunrouter answers the missing one with a redirect.
		for _, path := range []string{route.path, route.path + "/"} {
			for _, method := range methods {
				router.Handle(method, path, route.handler)
			}
			if allowed[path] != "" {
				allowed[path] += ", "
			}
			allowed[path] += strings.Join(methods, ", ")
		}
	}
	// bunrouter forgets a path with a parameter in its middle when the method is
	// not there, and takes it for unknown.
	for path, methods := range allowed {
		if !strings.Contains(path, ":") {
			continue
		}
		for _, method := range corsMethods {
			if !slices.Contains(strings.Split(methods, ", "), method) {
				router.Handle(method, path, func(http.ResponseWriter, bunrouter.Request) error { return methodNotAllowed(methods) })
			}
		}
	}
	return router, allowed
}

// route hands the request to its handler. Nothing is ever redirected, for a
// redirect loses bodies: a path that bunrouter would clean is unknown. So is one
// with a NUL, on which bunrouter panics.
func (a *API) route(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	if bunrouter.CleanPath(path) != path || strings.IndexByte(path, 0) >= 0 {
		return errNotFound
	}
	err := a.router.ServeHTTPError(w, r)
	switch {
	case err != errNotFound:
		return err
	case r.URL.RawPath != "":
		// Escaped more than need be: what the path stands for is what counts.
		plain := *r
		plain.URL = new(url.URL)
		*plain.URL = *r.URL
		plain.URL.RawPath = ""
		return a.route(w, &plain)
	case !slices.Contains(corsMethods, r.Method):
		// bunrouter takes no handlers for such a method, so newRouter could not make
		// up for what it forgets. No endpoint has it, and none has OPTIONS.
		other := *r
		other.Method = http.MethodOptions
		return a.route(w, &other)
	default:
		return err
	}
}
