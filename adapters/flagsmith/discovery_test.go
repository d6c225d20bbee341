package flagsmith_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// discover asks the API at address and writes what comes out as text: environments
// with masked keys, "*" in front of those that expire.
func discover(t *testing.T, address string) ([]string, string, error) {
	t.Helper()
	var log bytes.Buffer
	list, err := client(t, address).NewDiscovery(slog.New(slog.NewTextHandler(&log, nil))).Discover(t.Context())
	noSecrets(t, log.String())
	return textOf(t, list), log.String(), err
}

func textOf(t *testing.T, list []domain.EnvironmentKeys) []string {
	t.Helper()
	var texts []string
	for _, e := range list {
		if !e.Discovered {
			t.Errorf("%s does not tell that it was discovered", e.Client)
		}
		text := string(e.Client)
		for _, c := range e.Server {
			if c.Digest != c.Key.Digest() {
				t.Errorf("the digest of %s is another key's", c.Key)
			}
			text += " "
			if !c.ExpiresAt.IsZero() {
				text += "*"
			}
			text += c.Key.Reveal()
		}
		texts = append(texts, text)
	}
	return texts
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	expiry := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	api := fakeflagsmith.New()
	s := serve(t, api.ServeHTTP)
	defer api.Close()
	api.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: []fakeflagsmith.DiscoveredEnvironment{
		{ClientKey: "one", ServerKeys: []fakeflagsmith.DiscoveredServerKey{
			{Key: "ser.a", Active: true}, {Key: "ser.b", Active: true, ExpiresAt: &expiry}, {Key: "ser.c", Active: false},
		}},
		{ClientKey: "two", ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: "ser.d", Active: true}}},
		{ClientKey: "only-inactive", ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: "ser.e", Active: false}}},
		{ClientKey: "none", ServerKeys: []fakeflagsmith.DiscoveredServerKey{}},
	}})
	list, err := client(t, s.URL+"/api/v1").NewDiscovery(slog.New(slog.DiscardHandler)).Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := textOf(t, list), []string{"one ser.a *ser.b", "two ser.d"}; !slices.Equal(got, want) {
		t.Errorf("discovered %q, want %q", got, want)
	}
	if at := list[0].Server[1].ExpiresAt; !at.Equal(expiry) {
		t.Errorf("expires at %v, want %v", at, expiry)
	}
	requests := api.Requests(fakeflagsmith.ProxyConfig)
	if len(requests) != 1 || requests[0].Method != http.MethodGet || requests[0].URI != "/api/v1/proxy/config/" ||
		requests[0].Header.Get("X-Proxy-Key") != proxyKey || requests[0].Header.Get("X-Environment-Key") != "" {
		t.Errorf("asked with %+v", requests)
	}

	api.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey})
	if got, _, err := discover(t, s.URL+"/api/v1"); err != nil || len(got) != 0 {
		t.Errorf("an empty list is %q, %v", got, err)
	}
}

func TestListsAndWhatIsMadeOfThem(t *testing.T) {
	t.Parallel()
	entry := func(client string, keys ...string) string {
		return `{"client_side_key":` + client + `,"server_side_keys":[` + strings.Join(keys, ",") + `]}`
	}
	key := func(text string) string { return `{"key":` + text + `,"active":true,"expires_at":null}` }
	good := entry(`"good"`, key(`"ser.good"`))
	for name, tt := range map[string]struct {
		body    string
		want    []string
		problem string // in the log
		refused string // in the error
	}{
		"unknown fields":            {body: `[{"name":"x","client_side_key":"a","server_side_keys":[{"id":1,"key":"ser.a","active":true,"expires_at":null}],"project":{}}]`, want: []string{"a ser.a"}},
		"no expiry":                 {body: `[` + entry(`"a"`, `{"key":"ser.a","active":true}`) + `]`, want: []string{"a ser.a"}},
		"blanks around":             {body: " [" + entry(`" a "`, key(`" ser.a\n"`)) + "]\n", want: []string{"a ser.a"}},
		"twice in the list":         {body: `[` + entry(`"a"`, key(`"ser.a"`)) + `,` + good + `,` + entry(`"a"`, key(`"ser.b"`), key(`"ser.a"`)) + `]`, want: []string{"a ser.a ser.b", "good ser.good"}},
		"a key of two environments": {body: `[` + entry(`"a"`, key(`"ser.shared"`)) + `,` + entry(`"b"`, key(`"ser.shared"`), key(`"ser.b"`)) + `]`, want: []string{"a ser.shared", "b ser.b"}, problem: "it is one of a too"},
		"blank client key":          {body: `[` + entry(`"  "`, key(`"ser.a"`)) + `,` + good + `]`, want: []string{"good ser.good"}, problem: "client_side_key is blank"},
		"server key as client key":  {body: `[` + entry(`"`+serverKey+`"`, key(`"ser.a"`)) + `,` + good + `]`, want: []string{"good ser.good"}, problem: "is a server-side key"},
		"client key with blanks":    {body: `[` + entry(`"a b"`, key(`"ser.a"`)) + `,` + good + `]`, want: []string{"good ser.good"}, problem: "control characters"},
		"long client key":           {body: `[` + entry(`"`+strings.Repeat("a", 1025)+`"`, key(`"ser.a"`)) + `,` + good + `]`, want: []string{"good ser.good"}, problem: "1024"},
		"blank server key":          {body: `[` + entry(`"a"`, key(`" "`), key(`"ser.a"`)) + `]`, want: []string{"a ser.a"}, problem: "a server-side key of a"},
		"bare prefix":               {body: `[` + entry(`"a"`, key(`"ser."`), key(`"ser.a"`)) + `]`, want: []string{"a ser.a"}, problem: "a server-side key of a"},
		"not a server key":          {body: `[` + entry(`"a"`, key(`"abc"`), key(`"ser.a"`)) + `]`, want: []string{"a ser.a"}, problem: "a server-side key of a"},
		"server key for a header":   {body: `[` + entry(`"a"`, key(`"ser.a\r\nX: y"`), key(`"ser.a"`)) + `]`, want: []string{"a ser.a"}, problem: "a server-side key of a"},
		"nothing that is usable":    {body: `[` + entry(`"a"`, key(`"new.a"`)) + `,` + entry(`"b"`, key(`"new.b"`)) + `]`, refused: "no key in it is usable"},
		"only inactive":             {body: `[` + entry(`"a"`, `{"key":"ser.a","active":false}`) + `]`},
		"empty":                     {body: `[]`},

		"nothing":                      {body: ``, refused: "empty"},
		"null":                         {body: `null`, refused: "null"},
		"an object":                    {body: `{"environments":[]}`, refused: "another type"},
		"a number":                     {body: `12`, refused: "another type"},
		"a web page":                   {body: `<html>login</html>`, refused: "web page"},
		"cut off":                      {body: `[` + good, refused: "not JSON"},
		"more after the end":           {body: `[` + good + `][]`, refused: "not JSON"},
		"a null entry":                 {body: `[` + good + `,null]`, refused: "entry 2"},
		"a text entry":                 {body: `[` + good + `,"` + serverKey + `"]`, refused: "another type"},
		"no client key":                {body: `[` + good + `,{"server_side_keys":[]}]`, refused: "client_side_key is missing"},
		"a null client key":            {body: `[` + good + `,` + entry(`null`) + `]`, refused: "client_side_key is missing"},
		"a number as client key":       {body: `[` + good + `,` + entry(`12`) + `]`, refused: "client_side_key has another type"},
		"no server keys":               {body: `[` + good + `,{"client_side_key":"a"}]`, refused: "server_side_keys is missing"},
		"null server keys":             {body: `[` + good + `,{"client_side_key":"a","server_side_keys":null}]`, refused: "server_side_keys is missing"},
		"server keys as texts":         {body: `[` + good + `,` + entry(`"a"`, `"`+serverKey+`"`) + `]`, refused: "another type"},
		"a null server key":            {body: `[` + good + `,` + entry(`"a"`, `null`) + `]`, refused: "it is null"},
		"no key":                       {body: `[` + good + `,` + entry(`"a"`, `{"active":true}`) + `]`, refused: "key is missing"},
		"no active":                    {body: `[` + good + `,` + entry(`"a"`, `{"key":"`+serverKey+`"}`) + `]`, refused: "active is missing"},
		"active as text":               {body: `[` + good + `,` + entry(`"a"`, `{"key":"`+serverKey+`","active":"yes"}`) + `]`, refused: "active has another type"},
		"an expiry that is not a time": {body: `[` + good + `,` + entry(`"a"`, `{"key":"ser.a","active":true,"expires_at":"`+serverKey+`"}`) + `]`, refused: "expires_at is not a time"},
		"an expiry as number":          {body: `[` + good + `,` + entry(`"a"`, `{"key":"ser.a","active":true,"expires_at":1}`) + `]`, refused: "expires_at has another type"},
	} {
		t.Run(name, func(t *testing.T) {
			var seen journal
			got, log, err := discover(t, serve(t, seen.answer(tt.body)).URL)
			if tt.refused != "" {
				if err == nil {
					t.Fatalf("discovered %q", got)
				}
				fetch := fetchError(t, err)
				contains(t, err.Error(), "discovering environments", tt.refused)
				if fetch.Status != http.StatusOK || fetch.Cause == "" {
					t.Errorf("status %d, cause %q", fetch.Status, fetch.Cause)
				}
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("discovered %q, %v, want %q", got, err, tt.want)
			}
			if (log == "") != (tt.problem == "") || !strings.Contains(log, tt.problem) {
				t.Errorf("logged %q, want %q", log, tt.problem)
			}
		})
	}
}

func TestProblemsOfAListAreToldOnce(t *testing.T) {
	t.Parallel()
	body := ""
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	var log bytes.Buffer
	d := client(t, s.URL).NewDiscovery(slog.New(slog.NewTextHandler(&log, nil)))
	bad := `{"client_side_key":"","server_side_keys":[]},{"client_side_key":"a","server_side_keys":[{"key":"ser.a","active":true}]}`
	for i, tt := range []struct {
		body string
		told int
	}{{bad, 1}, {bad, 1}, {bad[strings.Index(bad, `,{`)+1:], 1}, {bad, 2}} {
		body = "[" + tt.body + "]"
		if _, err := d.Discover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if told := strings.Count(log.String(), "discovery_problem"); told != tt.told {
			t.Errorf("step %d: told %d times, want %d", i, told, tt.told)
		}
	}
}

func TestDiscoveryThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failure fakeflagsmith.Failure
		status  int
		parts   []string
	}{
		"refused":        {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 403}, 403, []string{"403", "proxy_key"}},
		"unauthorized":   {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 401}, 401, []string{"401", "proxy_key"}},
		"not found":      {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 404}, 404, []string{"404", "api_url", "discovery"}},
		"a fault":        {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500}, 500, []string{"500"}},
		"too many":       {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 429, RetryAfter: "7"}, 429, []string{"429", "7 s"}},
		"not modified":   {fakeflagsmith.Failure{Kind: fakeflagsmith.FailNotModified}, 304, []string{"304"}},
		"no content":     {fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 204}, 204, []string{"204"}},
		"reset":          {fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset}, 0, nil},
		"half a body":    {fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedBody}, 200, []string{"cut off"}},
		"half a gzip":    {fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedGzip}, 200, []string{"cut off"}},
		"without end":    {fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Hops: -1}, 0, []string{"redirects without end"}},
		"somewhere else": {fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: "<html>", ContentType: "text/html"}, 200, []string{"web page"}},
	} {
		t.Run(name, func(t *testing.T) {
			api := fakeflagsmith.New()
			s := serve(t, api.ServeHTTP)
			defer api.Close()
			api.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: []fakeflagsmith.DiscoveredEnvironment{
				{ClientKey: "one", ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: serverKey, Active: true}}},
			}})
			if err := api.Fail(fakeflagsmith.ProxyConfig, tt.failure); err != nil {
				t.Fatal(err)
			}
			list, _, err := discover(t, s.URL+"/api/v1")
			if err == nil {
				t.Fatalf("discovered %q", list)
			}
			if fetch := fetchError(t, err); fetch.Status != tt.status {
				t.Errorf("%v: status %d, want %d", err, fetch.Status, tt.status)
			}
			contains(t, err.Error(), tt.parts...)
			if strings.Contains(err.Error(), "server-side key is wrong") {
				t.Errorf("%v: the proxy key was refused, not a server-side key", err)
			}
		})
	}
	t.Run("a wrong proxy key", func(t *testing.T) {
		api := fakeflagsmith.New()
		s := serve(t, api.ServeHTTP)
		defer api.Close()
		_, _, err := discover(t, s.URL+"/api/v1")
		contains(t, fetchError(t, err).Error(), "403", "proxy_key")
	})
	t.Run("too large", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			blank := compress(t, strings.Repeat(" ", 1<<20))
			_, _ = w.Write(compress(t, "["))
			for range 17 {
				_, _ = w.Write(blank) // a member of the gzip stream
			}
			_, _ = w.Write(compress(t, "]"))
		})
		_, _, err := discover(t, s.URL)
		contains(t, fetchError(t, err).Error(), "the list of environments is larger than")
	})
	t.Run("silence", func(t *testing.T) {
		release := make(chan struct{})
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		defer close(release)
		short := client(t, s.URL, func(o *flagsmith.Options) { o.Timeout = 50 * time.Millisecond })
		_, err := short.NewDiscovery(slog.New(slog.DiscardHandler)).Discover(t.Context())
		contains(t, fetchError(t, err).Error(), "no complete answer")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := client(t, s.URL).NewDiscovery(slog.New(slog.DiscardHandler)).Discover(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("after its context ended: %v", err)
		}
	})
}

func TestTheProxyKeyStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	var home, foreign journal
	abroad := serve(t, foreign.answer("[]"))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		home.add(r)
		if r.URL.Path == "/proxy/config/" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		http.Redirect(w, r, abroad.URL+"/there", http.StatusFound)
	})
	if got, _, err := discover(t, s.URL); err != nil || len(got) != 0 {
		t.Fatalf("%q, %v", got, err)
	}
	for _, r := range home.all() {
		if r.Header.Get("X-Proxy-Key") != proxyKey {
			t.Errorf("%s was asked without the key", r.URL.Path)
		}
	}
	if asked := foreign.all(); len(asked) != 1 {
		t.Fatalf("the other origin was asked %d times", len(asked))
	}
	noSecrets(t, fmt.Sprint(foreign.all()[0].Header))

	refusing := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	s = serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, refusing.URL, http.StatusFound) })
	_, _, err := discover(t, s.URL)
	contains(t, fetchError(t, err).Error(), "redirects to", "keys are not sent")
}

// FuzzDiscovered sees that no body makes discovery fail otherwise than it should,
// nor tell a list that breaks the port's contract.
func FuzzDiscovered(f *testing.F) {
	f.Add([]byte(`[{"client_side_key":"a","server_side_keys":[{"key":"ser.a","active":true,"expires_at":"2030-01-02T03:04:05Z"}]}]`))
	f.Add([]byte(`[{"client_side_key":"a","server_side_keys":[{"key":"ser.a","active":true,"expires_at":null}]},{"client_side_key":"a","server_side_keys":[]}]`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, problems, err := flagsmith.ParseDiscovered(body)
		if err != nil {
			if list != nil || problems != nil {
				t.Error("a refused list has content")
			}
			return
		}
		clients, servers := map[domain.EnvironmentKey]bool{}, map[domain.KeyDigest]bool{}
		for _, e := range list {
			if clients[e.Client] || strings.TrimSpace(string(e.Client)) == "" || strings.HasPrefix(string(e.Client), "ser.") || len(e.Server) == 0 || !e.Discovered {
				t.Errorf("%+v", e)
			}
			clients[e.Client] = true
			for _, c := range e.Server {
				if servers[c.Digest] || !strings.HasPrefix(c.Key.Reveal(), "ser.") || c.Key.Digest() != c.Digest {
					t.Errorf("%+v of %s", c, e.Client)
				}
				servers[c.Digest] = true
			}
		}
	})
}
