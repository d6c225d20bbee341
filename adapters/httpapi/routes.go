package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/uptrace/bunrouter"
)

// route is an endpoint. Its path is written without a slash at the end and is served
// with and without one. HEAD is served wherever GET is.
type route struct {
	method, path string
	handler      bunrouter.HandlerFunc
	errors       errorForm
}

// routes returns all endpoints. Those whose paths begin with the same element have the
// same form of errors.
func (a *API) routes() []route {
	routes := []route{
		{http.MethodGet, "/api/v1/flags", a.getFlags, ownForm},
		{http.MethodGet, "/api/v1/identities", a.getIdentity, ownForm},
		{http.MethodPost, "/api/v1/identities", a.postIdentity, ownForm},
		{http.MethodPost, traitsPath, a.postTrait, ownForm},
		{http.MethodPut, traitsPath + "/bulk", a.putTraits, ownForm},
		{http.MethodGet, documentPath, a.getDocument, ownForm},
		{http.MethodPost, ofrepFlags, a.postOFREPFlags, ofrepForm},
		{http.MethodPost, ofrepFlags + "/:key", a.postOFREPFlag, ofrepForm},
		{http.MethodGet, livenessPath, a.getLiveness, ownForm},
	}
	for _, path := range readinessPaths {
		routes = append(routes, route{http.MethodGet, path, a.getReadiness, ownForm})
	}
	if a.o.Announcements != nil {
		routes = append(routes,
			route{http.MethodGet, "/sse/environments/:key/stream", a.getStream, ownForm},
			route{http.MethodGet, ofrepStream, a.getOFREPStream, ownForm})
	}
	if a.o.Analytics != nil {
		routes = append(routes,
			route{http.MethodPost, analyticsPath, a.postCounts, ownForm},
			route{http.MethodPost, evaluationsPath, a.postEvaluations, ownForm})
	}
	if a.o.Events != nil {
		routes = append(routes,
			route{http.MethodPost, eventsPath, a.postEvents, ownForm},
			route{http.MethodPost, "/api" + eventsPath, a.postEvents, ownForm})
	}
	if a.o.Webhook != nil {
		routes = append(routes, route{http.MethodPost, "/proxy/webhook", a.postWebhook, ownForm})
	}
	return routes
}

// entered returns the route's handler. It notes the route in the exchange where that is
// needed: o, unless it is nil, measures requests with that method, or they are traced.
func (r *route) entered(o Observer, traced bool, method string) bunrouter.HandlerFunc {
	var measure measure
	path, handler := r.path, r.handler
	switch {
	case o != nil:
		measure = o.Endpoint(path, method)
	case !traced:
		return handler
	}
	return func(w http.ResponseWriter, r bunrouter.Request) error {
		x := w.(*exchange)
		x.measure, x.route = measure, path
		return handler(w, r)
	}
}

// errorForm returns the body of the answer to r that reports e.
type errorForm func(r *http.Request, e *statusError) []byte

// errorForms returns the form of errors by the first element of a path, so that an
// error about an unknown path has the form of its neighbours.
func errorForms(routes []route) map[string]errorForm {
	forms := make(map[string]errorForm)
	for _, route := range routes {
		forms[firstElement(route.path)] = route.errors
	}
	return forms
}

// errorForm returns the form of errors about a request.
func (a *API) errorForm(r *http.Request) errorForm {
	if form := a.errorForms[firstElement(r.URL.Path)]; form != nil {
		return form
	}
	return ownForm
}

// firstElement returns what is between the first two slashes of a path, or "".
func firstElement(path string) string {
	_, rest, _ := strings.Cut(path, "/")
	element, _, more := strings.Cut(rest, "/")
	if !more {
		return ""
	}
	return element
}

// newRouter returns a router of the routes. o measures them; it may be nil. traced says
// whether requests are traced.
func newRouter(routes []route, o Observer, traced bool) *bunrouter.Router {
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
		handlers := make([]bunrouter.HandlerFunc, len(methods))
		for i, method := range methods {
			handlers[i] = route.entered(o, traced, method)
		}
		// With one form only, bunrouter would redirect to it.
		for _, path := range []string{route.path, route.path + "/"} {
			for i, method := range methods {
				router.Handle(method, path, handlers[i])
			}
			if allowed[path] != "" {
				allowed[path] += ", "
			}
			allowed[path] += strings.Join(methods, ", ")
		}
	}
	// bunrouter reports a path with a parameter in its middle as unknown when the path
	// lacks the method.
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
	return router
}

// route calls the handler of the request. It never redirects, because a redirect loses
// the body: a path that bunrouter would clean is unknown. So is a path with a NUL, on
// which bunrouter panics.
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
		// It has unnecessary escapes. Look the unescaped path up.
		plain := *r
		plain.URL = new(url.URL)
		*plain.URL = *r.URL
		plain.URL.RawPath = ""
		return a.route(w, &plain)
	case !slices.Contains(corsMethods, r.Method):
		// bunrouter accepts no handlers for other methods, so newRouter could not
		// register any. No endpoint has them, and none has OPTIONS.
		other := *r
		other.Method = http.MethodOptions
		return a.route(w, &other)
	default:
		return err
	}
}
