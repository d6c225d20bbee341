package fakeflagsmith

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Environment is what the server serves for one client-side key.
type Environment struct {
	ClientKey  string
	ServerKeys []string // each fetches the document
	Document   []byte   // served byte for byte; need not be a usable document
	// PageSize is the number of identity overrides in an answer; 0 serves the
	// document in one piece.
	PageSize int
	Links    LinkForm
	Delay    time.Duration // before every answer
	// Ahead is by how much the clock behind the answers is ahead of the machine's, as the
	// header Date shows. Negative: it is behind.
	Ahead time.Duration
}

// LinkForm is how the address of the next page is written.
type LinkForm string

const (
	// LinkAbsolute has scheme, host and port as the client used them. The zero
	// LinkForm is the same.
	LinkAbsolute LinkForm = "absolute"
	// LinkRelative starts at the path.
	LinkRelative LinkForm = "relative"
	// LinkPlain is "http://" and the host without its port, as an API
	// behind TLS termination writes it.
	LinkPlain LinkForm = "plain"
)

// environment is an Environment made ready to serve. It is never changed.
type environment struct {
	Environment
	pages        [][]byte
	lastModified time.Time // of whole seconds; zero when the document has no updated_at
}

// PutEnvironment adds an environment or replaces the one with the same
// client-side key. A server-side key belongs to the environment put last with
// it. The error says what is wrong with the settings; the document may be
// anything, but only one with identity_overrides is paged.
func (s *Server) PutEnvironment(e Environment) error {
	if e.ClientKey == "" {
		return fmt.Errorf("fakeflagsmith: environment without a client-side key")
	}
	switch e.Links {
	case "":
		e.Links = LinkAbsolute
	case LinkAbsolute, LinkRelative, LinkPlain:
	default:
		return fmt.Errorf("fakeflagsmith: unknown form of links %q", e.Links)
	}
	ready := &environment{
		Environment: e,
		pages:       splitPages(e.Document, e.PageSize),
	}
	var head struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if json.Unmarshal(e.Document, &head) == nil {
		ready.lastModified = head.UpdatedAt.UTC().Truncate(time.Second)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(e.ClientKey)
	s.environments[e.ClientKey] = ready
	for _, key := range e.ServerKeys {
		s.byServerKey[key] = ready
	}
	return nil
}

// RemoveEnvironment makes the keys of an environment unknown.
func (s *Server) RemoveEnvironment(clientKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(clientKey)
}

func (s *Server) forget(clientKey string) {
	old := s.environments[clientKey]
	if old == nil {
		return
	}
	delete(s.environments, clientKey)
	for _, key := range old.ServerKeys {
		if s.byServerKey[key] == old {
			delete(s.byServerKey, key)
		}
	}
}

// serveDocument answers GET /api/v1/environment-document/.
func (s *Server) serveDocument(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	e := s.byServerKey[r.Header.Get("X-Environment-Key")]
	s.mu.Unlock()
	if e == nil {
		s.serve(w, r, endpoint{target: UnknownKey, fallback: EveryDocument, answer: func([]byte) answer {
			return detail(http.StatusForbidden, "Invalid or missing Environment Key")
		}})
		return
	}
	s.serve(w, r, endpoint{
		target:   DocumentOf(e.ClientKey),
		fallback: EveryDocument,
		delay:    e.Delay,
		answer:   func([]byte) answer { return e.answer(r) },
	})
}

func (e *environment) answer(r *http.Request) answer {
	page := pageOf(r)
	if page < 1 || page > len(e.pages) {
		return detail(http.StatusNotFound, "Not found.")
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if e.Ahead != 0 {
		header.Set("Date", time.Now().Add(e.Ahead).UTC().Format(http.TimeFormat))
	}
	if !e.lastModified.IsZero() {
		header.Set("Last-Modified", e.lastModified.Format(http.TimeFormat))
		if since, ok := parseFixdate(r.Header.Get("If-Modified-Since")); ok && !e.lastModified.After(since) {
			return answer{status: http.StatusNotModified, header: header}
		}
	}
	if page < len(e.pages) {
		header.Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", e.linkTo(page+1, r)))
	}
	return answer{status: http.StatusOK, header: header, body: e.pages[page-1]}
}

// parseFixdate reads an IMF-fixdate that ends in GMT. Anything else is as good
// as absent, which is how Django treats a zone of +0000.
func parseFixdate(text string) (time.Time, bool) {
	at, err := time.Parse(http.TimeFormat, text)
	if err != nil || at.Format(http.TimeFormat) != text {
		return time.Time{}, false
	}
	return at, true
}

// linkTo is the address of a page in the form that the environment wants.
func (e *environment) linkTo(page int, r *http.Request) string {
	address := url.URL{Path: r.URL.Path, RawQuery: url.Values{"page_id": {pagePrefix + strconv.Itoa(page)}}.Encode()}
	switch e.Links {
	case LinkRelative:
	case LinkPlain:
		address.Scheme = "http"
		address.Host = (&url.URL{Host: r.Host}).Hostname()
		if strings.Contains(address.Host, ":") { // an IPv6 address lost its brackets
			address.Host = "[" + address.Host + "]"
		}
	default:
		address.Scheme = "http"
		if r.TLS != nil {
			address.Scheme = "https"
		}
		address.Host = r.Host
	}
	return address.String()
}

// knowsClientKey says whether an environment has this client-side key, or a
// discovered one does.
func (s *Server) knowsClientKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.environments[key] != nil || slices.ContainsFunc(s.discovery.Environments, func(d DiscoveredEnvironment) bool {
		return d.ClientKey == key
	})
}
