package httpapi_test

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func newSink() *sink { return &sink{header: make(http.Header, 8)} }

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = status }
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += len(b)
	return len(b), nil
}

func (s *sink) reset() {
	clear(s.header)
	s.status, s.bytes = http.StatusOK, 0
}

// replay is one request asked again and again.
type replay struct {
	api     http.Handler
	request *http.Request
	body    *strings.Reader
	text    string
	sink    *sink
}

func newReplay(api http.Handler, r *http.Request, body string) *replay {
	p := &replay{api: api, request: r, text: body, sink: newSink()}
	if body != "" {
		p.body = strings.NewReader(body)
		p.request.Body = io.NopCloser(p.body)
	}
	return p
}

func (p *replay) ask() {
	p.sink.reset()
	if p.body != nil {
		p.body.Reset(p.text)
	}
	p.api.ServeHTTP(p.sink, p.request)
}

// ofrepProfileBody is about an identity of the sizing profile.
const ofrepProfileBody = `{"context":{"targetingKey":"user-42","trait_0_0":"v0","trait_1_1":5,"trait_2_2":"nothing"}}`

// profileRequests are the kinds of requests that figures are about.
func profileRequests(tb testing.TB, change func(*httpapi.Options)) map[string]*replay {
	tb.Helper()
	api := newAPI(tb, func(o *httpapi.Options) {
		q := new(query)
		q.serve(environment(tb, profile.ClientKey, string(profile.Document(profile.Default()))))
		o.Query = q
		if change != nil {
			change(o)
		}
	})
	client, server := "X-Environment-Key: "+profile.ClientKey, "X-Environment-Key: "+serverKeyOf(profile.ClientKey)
	const zip = "Accept-Encoding: gzip, deflate, br"
	body := profile.IdentityBody("user-42")
	held := func(r *http.Request) *http.Request { // by every client
		r.Header.Set("If-None-Match", "*")
		return r
	}
	return map[string]*replay{
		"flags":           newReplay(api, request("GET", "/api/v1/flags/", "", client), ""),
		"flags-gzip":      newReplay(api, request("GET", "/api/v1/flags/", "", client, zip), ""),
		"feature":         newReplay(api, request("GET", "/api/v1/flags/?feature=feature_007", "", client), ""),
		"document":        newReplay(api, request("GET", "/api/v1/environment-document", "", server), ""),
		"document-gzip":   newReplay(api, request("GET", "/api/v1/environment-document", "", server, zip), ""),
		"identity-get":    newReplay(api, request("GET", "/api/v1/identities/?identifier=user-42", "", client), ""),
		"identities":      newReplay(api, request("POST", "/api/v1/identities/", body, client, "Content-Type: application/json"), body),
		"identities-gzip": newReplay(api, request("POST", "/api/v1/identities/", body, client, "Content-Type: application/json", zip), body),

		"flags-held":      newReplay(api, held(request("GET", "/api/v1/flags/", "", client)), ""),
		"document-held":   newReplay(api, held(request("GET", "/api/v1/environment-document", "", server, zip)), ""),
		"identities-held": newReplay(api, held(request("POST", "/api/v1/identities/", body, client, "Content-Type: application/json")), body),
		"ofrep":           newReplay(api, request("POST", ofrepFlags, ofrepProfileBody, client), ofrepProfileBody),
	}
}

func BenchmarkHandler(b *testing.B) {
	for _, name := range []string{"flags", "flags-gzip", "feature", "document", "document-gzip", "identity-get", "identities", "identities-gzip",
		"flags-held", "document-held", "identities-held", "ofrep"} {
		b.Run(name, func(b *testing.B) { benchmark(b, name, nil) })
	}
	b.Run("flags-limited", func(b *testing.B) { benchmark(b, "flags", withLimits) })
	b.Run("document-limited", func(b *testing.B) { benchmark(b, "document", withLimits) })
	// What tracing costs a request that is not traced: compare these with flags and identities.
	b.Run("flags-untraced", func(b *testing.B) { benchmark(b, "flags", withTraces) })
	b.Run("identities-untraced", func(b *testing.B) { benchmark(b, "identities", withTraces) })
	b.Run("identities-cached", func(b *testing.B) { benchmark(b, "identities", withIdentitiesCache) })
}

// withLimits switches all limits on, with room for every request.
func withLimits(o *httpapi.Options) {
	plenty := limits.Rate{PerSecond: 1 << 30}
	o.Limits = httpapi.Limits{PerKey: plenty, PerAddress: plenty, MaxDocuments: 8, Networks: limits.Networks{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
}

// withTraces switches tracing on, with nothing that is traced.
func withTraces(o *httpapi.Options) { o.Traces = new(traceRecorder) }

func withIdentitiesCache(o *httpapi.Options) {
	o.IdentitiesCache = httpapi.Cache{Use: true, MaxSize: 128}
}

func benchmark(b *testing.B, name string, change func(*httpapi.Options)) {
	p := profileRequests(b, change)[name]
	p.ask()
	held := p.sink.status == http.StatusNotModified && strings.HasSuffix(name, "-held")
	if !held && (p.sink.status != http.StatusOK || p.sink.bytes == 0) {
		b.Fatalf("status %d, %d bytes", p.sink.status, p.sink.bytes)
	}
	b.SetBytes(int64(p.sink.bytes))
	b.ReportAllocs()
	for b.Loop() {
		p.ask()
	}
}

// BenchmarkIdentity shows what an answer about an identity costs without what all
// requests cost: decoding the body, evaluating, putting the answer together.
func BenchmarkIdentity(b *testing.B) {
	e := environment(b, profile.ClientKey, string(profile.Document(profile.Default())))
	body := profile.IdentityBody("user-42")
	var id domain.Identity
	var outcomes []engine.OutcomeID
	var out []byte
	decode := func() {
		if err := httpapi.DecodeIdentity(body, &id); err != nil {
			b.Fatal(err)
		}
	}
	evaluate := func() { outcomes = e.Program.Evaluate(outcomes[:0], &id) }
	encode := func() { out = httpapi.AppendIdentityAnswer(out[:0], e, &id, outcomes) }
	for _, part := range []struct {
		name string
		run  func()
	}{{"all", func() { decode(); evaluate(); encode() }}, {"decode", decode}, {"evaluate", evaluate}, {"encode", encode}} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				part.run()
			}
		})
	}
}

// BenchmarkHandlerParallel shows how throughput grows with -cpu.
func BenchmarkHandlerParallel(b *testing.B) {
	for _, name := range []string{"flags", "identities"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			shared := profileRequests(b, nil)[name]
			b.RunParallel(func(pb *testing.PB) {
				p := newReplay(shared.api, shared.request.Clone(b.Context()), shared.text)
				for pb.Next() {
					p.ask()
				}
			})
		})
	}
}

// BenchmarkPresent is what a changed document costs before it is served.
func BenchmarkPresent(b *testing.B) {
	e := environment(b, profile.ClientKey, string(profile.Document(profile.Default())))
	presenter := new(httpapi.Presenter)
	b.ReportAllocs()
	for b.Loop() {
		presenter.Present(e)
	}
}
