package httpapi_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
)

// counted notes what is counted.
type counted map[domain.Service]int

func (c counted) Count(key domain.EnvironmentKey, what domain.Service, _ uint32) {
	if key == clientKey {
		c[what]++
	}
}

func TestServedRequestsAreCounted(t *testing.T) {
	flags, identities, documents := counted{domain.ServedFlags: 1}, counted{domain.ServedIdentities: 1}, counted{domain.ServedEnvironmentDocument: 1}
	ofrepFlags, ofrepIdentities := counted{domain.ServedOFREPFlags: 1}, counted{domain.ServedOFREPIdentities: 1}
	const v1, ofrep = "/api/v1/", "/ofrep/v1/evaluate/flags"
	server := "X-Environment-Key: " + serverKey
	for name, c := range map[string]struct {
		method, target, body, header string
		status                       int
		want                         counted
	}{
		"flags":                        {"GET", v1 + "flags/", "", "", 200, flags},
		"flags, server-side key":       {"GET", v1 + "flags", "", server, 200, flags},
		"flags, HEAD":                  {"HEAD", v1 + "flags/", "", "", 200, flags},
		"flags, held already":          {"GET", v1 + "flags/", "", "If-None-Match: *", 304, flags},
		"one flag":                     {"GET", v1 + "flags/?feature=checkout", "", "", 200, flags},
		"a flag that is not there":     {"GET", v1 + "flags/?feature=nope", "", "", 404, counted{}},
		"flags, unknown key":           {"GET", v1 + "flags/", "", "X-Environment-Key: nope", 401, counted{}},
		"flags, no document":           {"GET", v1 + "flags/", "", "X-Environment-Key: " + emptyKey, 503, counted{}},
		"preflight":                    {"OPTIONS", v1 + "flags/", "", "Access-Control-Request-Method: GET\nOrigin: https://a.example", 200, counted{}},
		"wrong method":                 {"DELETE", v1 + "flags/", "", "", 405, counted{}},
		"identity":                     {"POST", v1 + "identities/", `{"identifier":"me"}`, "", 200, identities},
		"transient identity":           {"POST", v1 + "identities/", `{}`, "", 200, identities},
		"identity by name":             {"GET", v1 + "identities/?identifier=me", "", "", 200, identities},
		"identity, wrong body":         {"POST", v1 + "identities/", `[]`, "", 422, counted{}},
		"document":                     {"GET", v1 + "environment-document/", "", server, 200, documents},
		"document, held already":       {"GET", v1 + "environment-document/", "", server + "\nIf-None-Match: *", 304, documents},
		"page of the document":         {"GET", v1 + "environment-document/?page_size=1", "", server, 200, documents},
		"page that is not a page":      {"GET", v1 + "environment-document/?page_size=x", "", server, 400, counted{}},
		"document, client-side key":    {"GET", v1 + "environment-document/", "", "", 401, counted{}},
		"OFREP, all flags":             {"POST", ofrep, "", "", 200, ofrepFlags},
		"OFREP, all flags of identity": {"POST", ofrep, `{"context":{"targetingKey":"me"}}`, "", 200, ofrepIdentities},
		"OFREP, one flag":              {"POST", ofrep + "/checkout", `{"context":{}}`, "", 200, ofrepFlags},
		"OFREP, one flag of identity":  {"POST", ofrep + "/checkout", `{"context":{"plan":"premium"}}`, "", 200, ofrepIdentities},
		"OFREP, no such flag":          {"POST", ofrep + "/nope", "", "", 404, counted{}},
		"health":                       {"GET", "/health", "", "", 200, counted{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := counted{}
			api := newAPI(t, func(o *httpapi.Options) { o.Usage = got })
			r := request(c.method, c.target, c.body)
			for _, line := range splitLines(c.header) {
				r.Header.Set(line[0], line[1])
			}
			if r.Header.Get("X-Environment-Key") == "" {
				r.Header.Set("X-Environment-Key", clientKey)
			}
			if w := serve(api, r); w.Code != c.status {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("counted %v, want %v", got, c.want)
			}
		})
	}
}

// BenchmarkUsage asks for flags, the cheapest answer, with and without counting.
func BenchmarkUsage(b *testing.B) {
	usage := reporting.NewRequests(time.Now)
	usage.Track([]domain.EnvironmentKeys{{Client: clientKey, Discovered: true}})
	for name, change := range map[string]func(*httpapi.Options){
		"off": nil,
		"on":  func(o *httpapi.Options) { o.Usage = usage },
	} {
		b.Run(name, func(b *testing.B) {
			p := newReplay(newAPI(b, change), request(http.MethodGet, "/api/v1/flags/", "", clientHeader()...), "")
			b.ReportAllocs()
			for b.Loop() {
				p.ask()
			}
		})
	}
}
