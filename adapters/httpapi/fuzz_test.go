package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// FuzzIdentitiesBody sends arbitrary bodies: the answer is JSON whatever comes,
// and a body that encoding/json understands comes back as it reads it.
func FuzzIdentitiesBody(f *testing.F) {
	for _, seed := range []string{
		`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}]}`, `{"traits":[{"trait_key":"a","trait_value":1e400},{"trait_key":"a"}]}`,
		`{"identifier":"\ud83d\ude42\u0000","identifier":null}`, `{"traits":[[],{"trait_value":{}}]}`, `[`, ``, "\ufeff{}", "\xff",
	} {
		f.Add([]byte(seed), "application/json")
	}
	api := newAPI(f, func(o *httpapi.Options) { o.MaxBodyBytes = 4096 })
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := request("POST", "/api/v1/identities/", string(body), clientHeader()...)
		r.Header["Content-Type"] = []string{contentType}
		w := serve(api, r)
		if !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) {
			t.Fatalf("not JSON: %q", w.Body)
		}
		switch w.Code {
		case http.StatusOK:
		case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			return
		case http.StatusBadRequest:
			if utf8.Valid(body) {
				t.Fatalf("%q is UTF-8: %s", body, w.Body)
			}
			return
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var sent map[string]json.RawMessage
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &sent); err != nil {
			t.Fatalf("%q was accepted: %v", body, err)
		}
		var answer struct {
			Identifier string
			Traits     []map[string]json.RawMessage
			Flags      []json.RawMessage
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Identifier == "" && answer.Traits == nil || len(answer.Flags) == 0 {
			t.Fatalf("%v: %s", err, w.Body)
		}
		var identifier string
		_ = json.Unmarshal(sent["identifier"], &identifier) // null or absent: transient
		blank := strings.TrimFunc(identifier, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }) == ""
		if !blank && answer.Identifier != identifier {
			t.Fatalf("%q came back as %q", identifier, answer.Identifier)
		}
		// What is answered is itself a body with the same answer.
		again := ask(api, "POST", "/api/v1/identities/", w.Body.String(), clientHeader()...)
		if again.Code == http.StatusOK && again.Body.String() != w.Body.String() {
			t.Fatalf("%s\nbecame %s", w.Body, again.Body)
		}
	})
}

// FuzzQuery sends arbitrary queries: no panic, always JSON, and what net/url
// understands the same way is understood so.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"identifier=u", "identifier=%41+%zz&identifier", "a=b;identifier=c", "identifier=%e2%82", "&&=&identifier==", "%69dentifier=\xff"} {
		f.Add(seed)
	}
	api := newAPI(f, nil)
	f.Fuzz(func(t *testing.T, rawQuery string) {
		r := request("GET", "/api/v1/identities/", "", clientHeader()...)
		r.URL.RawQuery = rawQuery
		w := serve(api, r)
		if !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) {
			t.Fatalf("not JSON: %q", w.Body)
		}
		values, err := url.ParseQuery(rawQuery)
		if err != nil { // net/url knows wrong escapes and refuses semicolons
			return
		}
		sent := values["identifier"]
		if (len(sent) > 0) != (w.Code == http.StatusOK) {
			t.Fatalf("%d for %q", w.Code, sent)
		}
		if len(sent) == 0 || !utf8.ValidString(sent[len(sent)-1]) {
			return
		}
		var answer struct{ Identifier string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Identifier != sent[len(sent)-1] {
			t.Fatalf("%q came back as %q, %v", sent, answer.Identifier, err)
		}
	})
}

// FuzzPath sends arbitrary paths: whatever is not there is not found, without a
// panic.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "/api/v1/flags/", "/api/v1/flags/\x00", "/sse/environments//stream", "/ofrep/v1/evaluate/flags/a%2Fb", "/%", "*"} {
		f.Add(seed)
	}
	api := newAPI(f, nil)
	f.Fuzz(func(t *testing.T, path string) {
		r := request("POST", "/", "")
		r.URL.Path, r.URL.RawPath = path, ""
		if plain, err := url.PathUnescape(path); err == nil && plain != path {
			r.URL.Path, r.URL.RawPath = plain, path
		}
		if w := serve(api, r); w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	})
}

// FuzzAcceptEncoding: no header makes an answer unreadable.
func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"gzip", "gzip;q=0", "*", "identity;q=1, gzip;q=0.5", ";;=,q=", "gzip;q=NaN", "gzip;q=1e-400"} {
		f.Add(seed)
	}
	api := newAPI(f, nil)
	f.Fuzz(func(t *testing.T, header string) {
		w := ask(api, "GET", "/api/v1/environment-document", "", "X-Environment-Key: "+serverKey, "Accept-Encoding: "+header)
		body := w.Body.String()
		if w.Header().Get("Content-Encoding") == "gzip" {
			if !strings.Contains(strings.ToLower(header), "gzip") && !strings.Contains(header, "*") {
				t.Fatalf("gzip for %q", header)
			}
			body = gunzip(t, w.Body.Bytes())
		}
		if w.Code != http.StatusOK || body != document {
			t.Fatalf("%d %s", w.Code, body)
		}
	})
}
