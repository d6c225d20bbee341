package parity_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
	"github.com/edge-proxy/edge-proxy/test/e2e/parity/jsondiff"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// get asks the proxy for a target with a key; an empty key sends no header.
func get(t *testing.T, proxy *harness.Proxy, method, target, key string, headers ...[2]string) harness.RawResponse {
	t.Helper()
	if key != "" {
		headers = append(headers, [2]string{"X-Environment-Key", key})
	}
	response, err := harness.Raw(proxy.Address, harness.RawRequest{Method: method, Target: target, Headers: headers})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// pages are the addresses that answer GET, with what each wants.
var pages = []struct{ path, query, key string }{
	{"/api/v1/flags", "", "client_a"},
	{"/api/v1/flags", "?feature=checkout", "client_a"},
	{"/api/v1/identities", "?identifier=u1", "client_a"},
	{"/api/v1/environment-document", "", "ser.a"},
	{"/proxy/health/liveness", "", ""},
	{"/proxy/health/readiness", "", ""},
	{"/proxy/health", "", ""},
	{"/health", "", ""},
}

// The recordings cannot show this: the Python proxy answers otherwise, or they leave it
// out (docs/spec/behaviour.md#http-interface).
func TestHTTPBeyondTheRecordings(t *testing.T) {
	proxy := proxyFor(t, recordedEnvironments(t)...)
	post := func(t *testing.T, target, body string, headers ...[2]string) harness.RawResponse {
		t.Helper()
		response, err := harness.Raw(proxy.Address, harness.RawRequest{
			Method: "POST", Target: target, Body: []byte(body), Headers: append(headers, [2]string{"X-Environment-Key", "client_a"}),
		})
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	expect := func(t *testing.T, response harness.RawResponse, status int, body string) {
		t.Helper()
		e := parity.Expectation{Status: status, JSON: json.RawMessage(body), Headers: map[string]string{"content-type": "application/json"}}
		for _, difference := range e.Compare(response) {
			t.Error(difference)
		}
	}
	jsonBody := [2]string{"Content-Type", "application/json"}

	t.Run("both slash forms answer alike", func(t *testing.T) {
		for _, page := range pages {
			without := get(t, proxy, "GET", page.path+page.query, page.key)
			with := get(t, proxy, "GET", page.path+"/"+page.query, page.key)
			if without.Status != 200 || with.Status != 200 {
				t.Errorf("%s: %d without, %d with the slash", page.path, without.Status, with.Status)
				continue
			}
			if !strings.Contains(page.path, "health") && string(without.Body) != string(with.Body) {
				t.Errorf("%s: %s without, %s with the slash", page.path, without.Body, with.Body)
			}
		}
		for _, path := range []string{"/api/v1/identities", "/api/v1/identities/"} {
			if response := post(t, path, `{"identifier":"overridden"}`, jsonBody); response.Status != 200 || !strings.Contains(string(response.Body), `"mine"`) {
				t.Errorf("POST %s: %d %s", path, response.Status, response.Body)
			}
		}
	})
	t.Run("HEAD is GET without a body", func(t *testing.T) {
		for _, page := range pages {
			for _, slash := range []string{"", "/"} {
				target := page.path + slash + page.query
				whole, head := get(t, proxy, "GET", target, page.key), get(t, proxy, "HEAD", target, page.key)
				if head.Status != whole.Status || len(head.Body) != 0 || head.Header.Get("Content-Type") != whole.Header.Get("Content-Type") {
					t.Errorf("%s: %d %q with %d bytes, GET has %d %q", target, head.Status, head.Header.Get("Content-Type"),
						len(head.Body), whole.Status, whole.Header.Get("Content-Type"))
				}
				if length := head.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(whole.Body)) {
					t.Errorf("%s: Content-Length %s, GET has %d bytes", target, length, len(whole.Body))
				}
			}
		}
		if head := get(t, proxy, "HEAD", "/api/v1/flags/", "nope"); head.Status != 401 || len(head.Body) != 0 {
			t.Errorf("unknown key: %d with %d bytes", head.Status, len(head.Body))
		}
	})
	t.Run("the document is for server-side keys", func(t *testing.T) {
		const refusal = `{"status":"unauthorized","message":"environment document requires a server-side key"}`
		for _, path := range []string{"/api/v1/environment-document", "/api/v1/environment-document/"} {
			expect(t, get(t, proxy, "GET", path, "client_a"), 401, refusal)
		}
	})
	t.Run("the document is what upstream sent, byte for byte", func(t *testing.T) {
		if got := get(t, proxy, "GET", "/api/v1/environment-document", "ser.a"); string(got.Body) != string(recordedDocument(t, "a")) {
			t.Errorf("got %d bytes: %.300s", len(got.Body), got.Body)
		}
	})
	t.Run("answers are compact UTF-8, their keys in order", func(t *testing.T) {
		const want = `{"feature":{"id":2,"name":"café menu","type":"STANDARD"},"enabled":true,"feature_state_value":"crème brûlée <b>&</b>","reason":"STATIC"}`
		if got := get(t, proxy, "GET", "/api/v1/flags/?feature=caf%C3%A9%20menu", "client_a"); string(got.Body) != want {
			t.Errorf("got  %s\nwant %s", got.Body, want)
		}
	})
	t.Run("numbers of traits come back as sent", func(t *testing.T) {
		traits := ""
		for i, number := range []string{"1", "1.0", "1e2", "1E+2", "-0", "-0.0", "0.10", "123456789012345678901234567890", "1.7976931348623157e308"} {
			if i > 0 {
				traits += ","
			}
			traits += fmt.Sprintf(`{"trait_key":"k%d","trait_value":%s}`, i, number)
		}
		want := `{"identifier":"u","traits":[` + traits + `],`
		if got := post(t, "/api/v1/identities/", `{"identifier":"u","traits":[`+traits+`]}`, jsonBody); !strings.HasPrefix(string(got.Body), want) {
			t.Errorf("got  %.600s\nwant %s", got.Body, want)
		}
	})
	t.Run("the document's time is a header", func(t *testing.T) {
		const want = 1772600767.891011 // 2026-03-04T05:06:07.891011+00:00
		for _, target := range []string{"/api/v1/flags/", "/api/v1/identities/?identifier=u", "/api/v1/environment-document"} {
			got := get(t, proxy, "GET", target, "ser.a").Header.Get("X-Flagsmith-Document-Updated-At")
			if seconds, err := strconv.ParseFloat(got, 64); err != nil || math.Abs(seconds-want) > 1e-6 {
				t.Errorf("%s: %q, want %f", target, got, want)
			}
		}
	})
	t.Run("transient identities", func(t *testing.T) {
		identifier := func(body string) string {
			t.Helper()
			response := post(t, "/api/v1/identities/", body, jsonBody)
			var answer struct {
				Identifier string `json:"identifier"`
			}
			if err := json.Unmarshal(response.Body, &answer); response.Status != 200 || err != nil {
				t.Errorf("%s: %d %s", body, response.Status, response.Body)
			}
			return answer.Identifier
		}
		sum := func(text string) string {
			digest := sha256.Sum256([]byte(text))
			return hex.EncodeToString(digest[:])
		}
		for body, want := range map[string]string{
			`{"traits":[{"trait_key":"b","trait_value":true},{"trait_key":"a","trait_value":1.5},{"trait_key":"c","trait_value":null},{"trait_key":"d","trait_value":"é"}]}`: sum("a1.5bTruedé"),
			`{"identifier":"  \t ","traits":[{"trait_key":"b","trait_value":false}]}`:                                                                                        sum("bFalse"),
		} {
			if got := identifier(body); got != want {
				t.Errorf("%s: %s, want %s", body, got, want)
			}
		}
		random := regexp.MustCompile(`^[0-9a-f]{32}$`)
		first, second := identifier(`{"traits":[]}`), identifier(`{}`)
		if !random.MatchString(first) || !random.MatchString(second) || first == second {
			t.Errorf("without traits: %q and %q", first, second)
		}
	})
	t.Run("every error of a body in one answer", func(t *testing.T) {
		const body = `{"identifier":5,"traits":[{"trait_value":[1]},7,{"trait_key":3,"trait_value":"x"}]}`
		const want = `{"detail":[
			{"type":"string_type","loc":["body","identifier"],"msg":"Input should be a valid string"},
			{"type":"missing","loc":["body","traits",0,"trait_key"],"msg":"Field required"},
			{"type":"string_type","loc":["body","traits",0,"trait_value","str"],"msg":"Input should be a valid string"},
			{"type":"int_type","loc":["body","traits",0,"trait_value","int"],"msg":"Input should be a valid integer"},
			{"type":"float_type","loc":["body","traits",0,"trait_value","float"],"msg":"Input should be a valid number"},
			{"type":"bool_type","loc":["body","traits",0,"trait_value","bool"],"msg":"Input should be a valid boolean"},
			{"type":"model_attributes_type","loc":["body","traits",1],"msg":"Input should be a valid dictionary or object to extract fields from"},
			{"type":"string_type","loc":["body","traits",2,"trait_key"],"msg":"Input should be a valid string"}]}`
		expect(t, post(t, "/api/v1/identities/", body, jsonBody), 422, want)
	})
	t.Run("how a body is declared", func(t *testing.T) {
		const refusal = `{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from"}]}`
		for contentType, want := range map[string]int{
			"application/json": 200, "APPLICATION/JSON; charset=utf-8": 200, "application/problem+json": 200,
			"text/plain": 422, "application/x-www-form-urlencoded": 200, "application/jsonx": 422,
		} {
			response := post(t, "/api/v1/identities/", `{"identifier":"u1"}`, [2]string{"Content-Type", contentType})
			if response.Status != want {
				t.Errorf("%s: %d, want %d: %s", contentType, response.Status, want, response.Body)
			}
			if want == 422 {
				expect(t, response, 422, refusal)
			}
		}
	})
	t.Run("a body that is too large", func(t *testing.T) {
		body := `{"identifier":"` + strings.Repeat("u", 1<<20) + `"}`
		response := post(t, "/api/v1/identities/", body, jsonBody)
		if response.Status != 413 || response.Header.Get("Content-Type") != "application/json" || !json.Valid(response.Body) {
			t.Errorf("%d %q: %.200s", response.Status, response.Header.Get("Content-Type"), response.Body)
		}
	})
	t.Run("a wrong method names the right ones", func(t *testing.T) {
		for target, want := range map[string][]string{
			"/api/v1/flags/": {"GET"}, "/api/v1/identities": {"GET", "POST"}, "/api/v1/environment-document": {"GET"},
		} {
			response := get(t, proxy, "PATCH", target, "client_a")
			expect(t, response, 405, `{"detail":"Method Not Allowed"}`)
			for _, method := range want {
				if !strings.Contains(response.Header.Get("Allow"), method) {
					t.Errorf("%s: Allow %q lacks %s", target, response.Header.Get("Allow"), method)
				}
			}
		}
	})
	t.Run("health", func(t *testing.T) {
		for _, target := range []string{"/proxy/health/readiness", "/proxy/health", "/health"} {
			response := get(t, proxy, "GET", target, "")
			var health struct {
				Status string    `json:"status"`
				Reason *string   `json:"reason"`
				Last   time.Time `json:"last_successful_update"`
			}
			if err := json.Unmarshal(response.Body, &health); err != nil || response.Status != 200 || health.Status != "ok" || health.Reason != nil {
				t.Errorf("%s: %d %s (%v)", target, response.Status, response.Body, err)
			}
			_, offset := health.Last.Zone()
			if age := time.Since(health.Last); age < -time.Minute || age > time.Minute || offset != 0 {
				t.Errorf("%s: last update at %s", target, health.Last)
			}
		}
	})
}

// A key whose document has not arrived is not unknown (docs/spec/behaviour.md#keys).
func TestBeforeTheDocumentArrives(t *testing.T) {
	upstream := harness.StartUpstream(t)
	environments := recordedEnvironments(t)
	config := upstream.Serve(t, environments...)
	late := fakeflagsmith.DocumentOf("client_b")
	if err := upstream.Fail(t.Context(), late, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500}); err != nil {
		t.Fatal(err)
	}
	config["api_poll_frequency_seconds"] = 1
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitEvent(t, harness.StartTimeout, "error_fetching_document")

	for _, key := range []string{"client_b", "ser.b"} {
		for _, target := range []string{"/api/v1/flags/", "/api/v1/identities/?identifier=u"} {
			response := get(t, proxy, "GET", target, key)
			var answer struct {
				Status, Message string
			}
			_ = json.Unmarshal(response.Body, &answer) // an answer that is not JSON lacks the status
			seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
			if response.Status != 503 || answer.Status != "unavailable" || answer.Message == "" || err != nil || seconds < 1 {
				t.Errorf("%s with %s: %d, Retry-After %q: %s", target, key, response.Status, response.Header.Get("Retry-After"), response.Body)
			}
		}
	}
	response := get(t, proxy, "GET", "/proxy/health/readiness", "")
	const unready = `{"status":"error","reason":"environment document(s) not updated.","last_successful_update":null}`
	for _, difference := range (parity.Expectation{Status: 503, JSON: json.RawMessage(unready)}).Compare(response) {
		t.Errorf("readiness: %s", difference)
	}

	if err := upstream.Fail(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	proxy.WaitReady(t)
	if response := get(t, proxy, "GET", "/api/v1/flags/", "client_b"); response.Status != 200 {
		t.Errorf("after the document arrived: %d %s", response.Status, response.Body)
	}
}

// A document that comes in pages is served as one, in every form that the
// address of the next page may have (docs/spec/upstream.md#pages).
func TestDocumentInPages(t *testing.T) {
	var overrides []override
	for i := range 7 {
		overrides = append(overrides, override{fmt.Sprintf("user_%d", i), strconv.Itoa(i)})
	}
	for _, form := range []fakeflagsmith.LinkForm{fakeflagsmith.LinkAbsolute, fakeflagsmith.LinkRelative, fakeflagsmith.LinkPlain} {
		t.Run(string(form), func(t *testing.T) {
			e := environmentOf("paged", nil, overrides)
			e.PageSize, e.Links = 2, form
			proxy := proxyFor(t, e)
			response := get(t, proxy, "GET", "/api/v1/environment-document", e.ServerKeys[0])
			for _, difference := range jsondiff.Diff(e.Document, response.Body) {
				t.Error(difference)
			}
			for _, o := range overrides {
				expectFlag(t, proxy, "paged", fmt.Sprintf(`{"identifier":%q}`, o.identifier), true, o.value)
			}
		})
	}
}

// With listed origins the answer depends on the origin (docs/spec/behaviour.md#cors).
func TestListedOrigins(t *testing.T) {
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, recordedEnvironments(t)...)
	config["allow_origins"] = []string{"https://a.example", "https://b.example"}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)

	for origin, allowed := range map[string]bool{
		"https://a.example": true, "https://b.example": true, "https://c.example": false, "http://a.example": false,
		"https://a.example.evil": false, "null": false,
	} {
		preflight := get(t, proxy, "OPTIONS", "/api/v1/identities/", "",
			[2]string{"Origin", origin}, [2]string{"Access-Control-Request-Method", "POST"}, [2]string{"Access-Control-Request-Headers", "x-environment-key"})
		plain := get(t, proxy, "GET", "/api/v1/flags/", "client_a", [2]string{"Origin", origin})
		if plain.Status != 200 {
			t.Errorf("%s: status %d", origin, plain.Status)
		}
		echoed := plain.Header.Get("Access-Control-Allow-Origin")
		if !allowed {
			if preflight.Status != 400 || string(preflight.Body) != "Disallowed CORS origin" || preflight.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: preflight %d %q", origin, preflight.Status, preflight.Body)
			}
			if echoed != "" {
				t.Errorf("%s: allowed as %q", origin, echoed)
			}
			continue
		}
		for name, header := range map[string]http.Header{"preflight": preflight.Header, "request": plain.Header} {
			if header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(strings.Join(header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: %s allows %q, Vary %q", origin, name, header.Get("Access-Control-Allow-Origin"), header.Values("Vary"))
			}
		}
		if preflight.Status != 200 {
			t.Errorf("%s: preflight %d", origin, preflight.Status)
		}
	}
}
