package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	countsPath      = "/api/v1/analytics/flags/"
	evaluationsPath = "/api/v2/analytics/flags/"
)

// taken notes what is taken.
type taken struct {
	key         domain.EnvironmentKey
	counts      []domain.FeatureCount
	evaluations []domain.FeatureEvaluation
}

func (n *taken) AddCounts(key domain.EnvironmentKey, counts []domain.FeatureCount) {
	n.key, n.counts = key, append(n.counts, counts...)
}

func (n *taken) AddEvaluations(key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) {
	n.key, n.evaluations = key, append(n.evaluations, evaluations...)
}

// splitLines cuts "Name: value" lines.
func splitLines(text string) (lines [][2]string) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		lines = append(lines, [2]string{name, strings.TrimSpace(value)})
	}
	return lines
}

func count(feature string, n int64) domain.FeatureCount {
	return domain.FeatureCount{Feature: feature, Count: n}
}

func evaluation(feature, identity string, enabled bool, n int64) domain.FeatureEvaluation {
	return domain.FeatureEvaluation{Feature: feature, Identity: identity, Enabled: enabled, Count: n}
}

func takingAPI(tb testing.TB) (*httpapi.API, *taken) {
	n := new(taken)
	return newAPI(tb, func(o *httpapi.Options) { o.Analytics, o.MaxBodyBytes = n, 1<<20 }), n
}

func TestCountsAreTaken(t *testing.T) {
	type counts = []domain.FeatureCount
	for name, c := range map[string]struct {
		body string
		want counts
	}{
		"one":              {`{"checkout":3}`, counts{count("checkout", 3)}},
		"several":          {`{"checkout":1,"café & <b>":2147483647}`, counts{count("checkout", 1), count("café & <b>", 2147483647)}},
		"escaped name":     {`{"caf\u00e9 & <b>":2}`, counts{count("café & <b>", 2)}},
		"a feature twice":  {`{"checkout":3,"checkout":4}`, counts{count("checkout", 4)}},
		"twice, then none": {`{"checkout":3,"checkout":"x"}`, nil},
		"empty":            {`{}`, nil},
		"unknown feature":  {`{"nope":3,"checkout":1,"Checkout":1}`, counts{count("checkout", 1)}},
		"no integers":      {`{"checkout":"3","off":1.5,"server_only":null,"café & <b>":{"a":[1]}}`, nil},
		"odd integers":     {`{"checkout":1e3,"off":3.0,"server_only":true,"café & <b>":[1]}`, nil},
		"zero, negative":   {`{"checkout":0,"off":-1,"server_only":-0}`, nil},
		"huge":             {`{"checkout":2147483648,"off":99999999999999999999}`, nil},
		"byte order mark":  {"\ufeff" + `{"checkout":3}`, counts{count("checkout", 3)}},
		"hidden features":  {`{"server_only":1,"off":2}`, counts{count("server_only", 1), count("off", 2)}},
	} {
		for _, key := range []string{clientKey, serverKey} {
			api, n := takingAPI(t)
			w := ask(api, "POST", countsPath, c.body, "X-Environment-Key: "+key)
			if w.Code != http.StatusOK || w.Body.Len() != 0 {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if !slices.Equal(n.counts, c.want) || n.key != clientKey {
				t.Errorf("%s: took %v of %q, want %v", name, n.counts, n.key, c.want)
			}
		}
	}
}

func TestEvaluationsAreTaken(t *testing.T) {
	type list = []domain.FeatureEvaluation
	long := strings.Repeat("ü", 2000)
	for name, c := range map[string]struct {
		evaluations string
		want        list
	}{
		"one":                 {`{"feature_name":"checkout","identity_identifier":"me","enabled_when_evaluated":true,"count":2}`, list{evaluation("checkout", "me", true, 2)}},
		"without identity":    {`{"feature_name":"off","enabled_when_evaluated":false,"count":1}`, list{evaluation("off", "", false, 1)}},
		"identity null":       {`{"identity_identifier":null,"feature_name":"off","enabled_when_evaluated":false,"count":1}`, list{evaluation("off", "", false, 1)}},
		"identity blank":      {`{"identity_identifier":" \t","feature_name":"off","enabled_when_evaluated":false,"count":1}`, list{evaluation("off", "", false, 1)}},
		"long identity":       {`{"identity_identifier":"` + long + `","feature_name":"off","enabled_when_evaluated":true,"count":1}`, list{evaluation("off", long, true, 1)}},
		"too long identity":   {`{"identity_identifier":"` + long + `u","feature_name":"off","enabled_when_evaluated":true,"count":1}`, nil},
		"identity no text":    {`{"identity_identifier":7,"feature_name":"off","enabled_when_evaluated":true,"count":1}`, nil},
		"unknown feature":     {`{"feature_name":"nope","enabled_when_evaluated":true,"count":1}`, nil},
		"no feature":          {`{"enabled_when_evaluated":true,"count":1}`, nil},
		"feature no text":     {`{"feature_name":["off"],"enabled_when_evaluated":true,"count":1}`, nil},
		"not said whether on": {`{"feature_name":"off","count":1}`, nil},
		"on is not a boolean": {`{"feature_name":"off","enabled_when_evaluated":"true","count":1}`, nil},
		"no count":            {`{"feature_name":"off","enabled_when_evaluated":true}`, nil},
		"zero":                {`{"feature_name":"off","enabled_when_evaluated":true,"count":0}`, nil},
		"last one counts":     {`{"count":9,"feature_name":"nope","feature_name":"off","enabled_when_evaluated":true,"count":1}`, list{evaluation("off", "", true, 1)}},
		"no objects":          {`1,"a",null,[[]],{}`, nil},
		"more members":        {`{"x":{"y":[]},"feature_name":"off","enabled_when_evaluated":true,"count":1}`, list{evaluation("off", "", true, 1)}},
		"nothing":             {``, nil},
	} {
		api, n := takingAPI(t)
		w := ask(api, "POST", evaluationsPath, `{"other":1,"evaluations":[`+c.evaluations+`]}`, clientHeader()...)
		if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if !slices.Equal(n.evaluations, c.want) {
			t.Errorf("%s: took %v, want %v", name, n.evaluations, c.want)
		}
	}
}

func TestAnalyticsBodiesThatAreNone(t *testing.T) {
	api, n := takingAPI(t)
	for _, path := range []string{countsPath, evaluationsPath, strings.TrimSuffix(countsPath, "/"), strings.TrimSuffix(evaluationsPath, "/")} {
		for _, body := range []string{``, ` `, `null`, `[]`, `7`, `"x"`, `{`, `{"checkout":1`, `{"checkout":1}}`, `{"checkout":1,}`, "{\"checkout\xff\":1}",
			`{"evaluations":[`, `{"evaluations":[{]}`, strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)} {
			if w := ask(api, "POST", path, body, clientHeader()...); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `{"status":"bad_request","message":"the body must be a JSON object`) {
				t.Errorf("%s %.40q: %d %s", path, body, w.Code, w.Body)
			}
		}
	}
	for _, body := range []string{`{}`, `{"evaluations":null}`, `{"evaluations":{}}`, `{"evaluations":[],"evaluations":1}`} {
		if w := ask(api, "POST", evaluationsPath, body, clientHeader()...); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
	if len(n.counts)+len(n.evaluations) != 0 {
		t.Errorf("took %v", n)
	}
}

func TestAnalyticsRequestsThatAreRefused(t *testing.T) {
	api, _ := takingAPI(t)
	for _, path := range []string{countsPath, evaluationsPath} {
		want(t, ask(api, "POST", path, `{}`), 401, `{"status":"unauthorized","message":"missing X-Environment-Key header"}`)
		want(t, ask(api, "POST", path, `{}`, "X-Environment-Key: nope"), 401, `{"status":"unauthorized","message":"unknown key 'nope'"}`)
		if w := ask(api, "POST", path, `{}`, "X-Environment-Key: "+emptyKey); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s without a document: %d %v", path, w.Code, w.Header())
		}
		if w := ask(api, "GET", path, "", clientHeader()...); w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("GET %s: %d %v", path, w.Code, w.Header())
		}
		if w := ask(api, "POST", path, `{}`, clientHeader("Content-Type: text/plain")...); w.Code != 400 {
			t.Errorf("%s as text: %d", path, w.Code)
		}
		if w := ask(api, "POST", path, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`, clientHeader()...); w.Code != 413 {
			t.Errorf("%s too large: %d", path, w.Code)
		}
	}
}

func TestWithoutAnalyticsThereAreNoPaths(t *testing.T) {
	api := newAPI(t, nil)
	for _, path := range []string{countsPath, evaluationsPath} {
		want(t, ask(api, "POST", path, `{}`, clientHeader()...), 404, `{"detail":"Not Found"}`)
	}
}

func TestTenThousandFeatures(t *testing.T) {
	api, n := takingAPI(t)
	var body strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&body, `,"feature-%d":%d`, i, i)
	}
	if w := ask(api, "POST", countsPath, `{"checkout":1`+body.String()+`}`, clientHeader()...); w.Code != 200 || len(n.counts) != 1 {
		t.Errorf("%d, took %d", w.Code, len(n.counts))
	}
}

// knownCounts reads a body as encoding/json does.
func knownCounts(t *testing.T, body []byte) map[string]int64 {
	var sent map[string]any
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	d.UseNumber()
	if err := d.Decode(&sent); err != nil {
		t.Fatalf("%q was accepted: %v", body, err)
	}
	known := map[string]int64{}
	for _, name := range []string{"checkout", "café & <b>", "server_only", "off"} {
		number, _ := sent[name].(json.Number)
		if n, err := number.Int64(); err == nil && n > 0 && n <= 1<<31-1 {
			known[name] = n
		}
	}
	return known
}

// FuzzCountsBody: whatever comes, the answer is 200 or JSON, and what is taken is
// what encoding/json reads.
func FuzzCountsBody(f *testing.F) {
	for _, seed := range []string{`{"checkout":1}`, `{"checkout":1,"checkout":-1}`, `{"off":1e2,"caf\u00e9 & <b>":2}`, `null`, `{`, "\xff", "\ufeff{}"} {
		f.Add([]byte(seed))
	}
	api, n := takingAPI(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		n.counts = nil
		w := ask(api, "POST", countsPath, string(body), clientHeader()...)
		if w.Code != http.StatusOK {
			if w.Code != http.StatusBadRequest || !json.Valid(w.Body.Bytes()) || n.counts != nil {
				t.Fatalf("%d %s, took %v", w.Code, w.Body, n.counts)
			}
			return
		}
		got := map[string]int64{}
		for _, c := range n.counts {
			got[c.Feature] = c.Count
		}
		if known := knownCounts(t, body); !reflect.DeepEqual(got, known) || len(got) != len(n.counts) {
			t.Fatalf("took %v of %q, want %v", n.counts, body, known)
		}
	})
}

// FuzzEvaluationsBody: whatever comes, the answer is 204 or JSON, and what is taken
// can be sent.
func FuzzEvaluationsBody(f *testing.F) {
	for _, seed := range []string{
		`{"evaluations":[{"feature_name":"checkout","identity_identifier":"me","enabled_when_evaluated":true,"count":2},{}]}`,
		`{"evaluations":[1,null],"evaluations":[]}`, `{"evaluations":{}}`, `null`, `{`, "\xff", "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	api, n := takingAPI(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		n.evaluations = nil
		w := ask(api, "POST", evaluationsPath, string(body), clientHeader()...)
		if w.Code != http.StatusNoContent && (w.Code != http.StatusBadRequest || !json.Valid(w.Body.Bytes()) || n.evaluations != nil) {
			t.Fatalf("%d %s, took %v", w.Code, w.Body, n.evaluations)
		}
		for _, e := range n.evaluations {
			if !slices.Contains([]string{"checkout", "café & <b>", "server_only", "off"}, e.Feature) || e.Count < 1 || e.Count > 1<<31-1 ||
				len([]rune(e.Identity)) > 2000 || e.Identity != "" && strings.TrimSpace(e.Identity) == "" {
				t.Fatalf("took %v of %q", e, body)
			}
		}
	})
}
