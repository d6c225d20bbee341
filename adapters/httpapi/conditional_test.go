package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// The resources whose bodies are prepared, and those that are made on request.
var (
	preparedTargets = []string{"/api/v1/flags/", "/api/v1/flags?feature=checkout", "/api/v1/environment-document"}
	taggedTargets   = append([]string{"/api/v1/identities/?identifier=u"}, preparedTargets...)
)

var strongTag = regexp.MustCompile(`^"[0-9a-f]+(-gzip)?"$`)

func tagOf(t *testing.T, h http.Handler, target string, headers ...string) string {
	t.Helper()
	w := ask(h, "GET", target, "", append(headers, "X-Environment-Key: "+serverKey)...)
	tag := w.Header().Get("ETag")
	if w.Code != http.StatusOK || !strongTag.MatchString(tag) {
		t.Errorf("GET %s: %d with ETag %s", target, w.Code, tag)
	}
	return tag
}

// wantUnmodified checks that an answer is a 304 with what it must have.
func wantUnmodified(t *testing.T, what string, code int, body string, h http.Header, tag string) {
	t.Helper()
	if code != http.StatusNotModified || body != "" {
		t.Errorf("%s: %d %.80s", what, code, body)
	}
	for name, value := range map[string]string{
		"ETag": tag, "X-Flagsmith-Document-Updated-At": "1772600767.891011", "Cache-Control": "private, no-cache",
		"Content-Type": "", "Content-Length": "", "Content-Encoding": "", "Access-Control-Allow-Origin": "*",
	} {
		if got := h.Get(name); got != value {
			t.Errorf("%s: %s is %q, want %q", what, name, got, value)
		}
	}
	if got := h.Get("Vary"); got != "" && got != "Accept-Encoding" {
		t.Errorf("%s: Vary %q", what, got)
	}
}

func TestIfNoneMatch(t *testing.T) {
	api := longAPI(t, 2000)
	const zip = "Accept-Encoding: gzip"
	for _, target := range taggedTargets {
		plain, zipped := tagOf(t, api, target), tagOf(t, api, target, zip)
		if zipped != strings.TrimSuffix(plain, `"`)+`-gzip"` {
			t.Errorf("%s: tags %s and %s", target, plain, zipped)
		}
		for _, test := range []struct {
			name    string
			headers []string
			tag     string // "": the whole answer
		}{
			{"plain", []string{"If-None-Match: " + plain}, plain},
			{"weak", []string{"If-None-Match: W/" + plain}, plain},
			{"gzipped", []string{"If-None-Match: " + zipped, zip}, zipped},
			{"gzipped, asked for plain", []string{"If-None-Match: " + zipped}, zipped},
			{"plain, asked for gzipped", []string{"If-None-Match: " + plain, zip}, plain},
			{"list", []string{`If-None-Match: "a,b",, W/"c" ,` + plain + `,"d"`}, plain},
			{"two lines", []string{`If-None-Match: "a"`, "If-None-Match: " + plain}, plain},
			{"any", []string{"If-None-Match: * "}, plain},
			{"date does not count", []string{`If-None-Match: "a"`, "If-Modified-Since: Wed, 04 Mar 2026 05:06:07 GMT"}, ""},
			{"other", []string{`If-None-Match: "a", "b"`}, ""},
			{"longer", []string{"If-None-Match: " + strings.TrimSuffix(plain, `"`) + `-br"`}, ""},
			{"shorter", []string{"If-None-Match: " + plain[:8] + `"`}, ""},
			{"no quotes", []string{"If-None-Match: " + strings.Trim(plain, `"`)}, ""},
			{"no end", []string{"If-None-Match: " + strings.TrimSuffix(plain, `"`)}, ""},
			{"case counts", []string{"If-None-Match: w/" + plain}, ""},
			{"any among others", []string{`If-None-Match: "a", *`}, ""},
			{"empty", []string{"If-None-Match:"}, ""},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				w := ask(api, method, target, "", append(test.headers, "X-Environment-Key: "+serverKey, "Origin: https://a.test")...)
				what := method + " " + target + ", " + test.name
				if test.tag == "" {
					if w.Code != http.StatusOK || w.Header().Get("ETag") != plain || w.Body.Len() == 0 {
						t.Errorf("%s: %d with ETag %s", what, w.Code, w.Header().Get("ETag"))
					}
					continue
				}
				wantUnmodified(t, what, w.Code, w.Body.String(), w.Header(), test.tag)
				wantHeader(t, w, "Vary", "Accept-Encoding")
			}
		}
	}
	w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("If-None-Match: *", "Accept-Encoding: gzip")...)
	wantHeader(t, w, "ETag", tagOf(t, api, "/api/v1/flags/", "X-Environment-Key: "+clientKey, "Accept-Encoding: gzip"))
}

// An unknown key or flag is reported, whatever the client has.
func TestConditionsComeAfterWhetherThereIsAnAnswer(t *testing.T) {
	api := newAPI(t, nil)
	for target, key := range map[string]string{
		"/api/v1/flags/?feature=nope": clientKey, "/api/v1/flags/?feature=server_only": clientKey, "/api/v1/environment-document": clientKey, "/api/v1/flags/": "nope",
	} {
		w := ask(api, "GET", target, "", "X-Environment-Key: "+key, "If-None-Match: *")
		if w.Code != 401 && w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
		for _, name := range []string{"ETag", "Last-Modified"} {
			wantHeader(t, w, name, "")
		}
		wantHeader(t, w, "Cache-Control", "no-store")
	}
}

func TestTagsFollowTheContent(t *testing.T) {
	tags := func(text string) (all []string) {
		api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, text)) })
		for _, target := range taggedTargets {
			all = append(all, tagOf(t, api, target))
		}
		return all
	}
	first, again := tags(document), tags(document)
	for i, target := range taggedTargets {
		if first[i] != again[i] {
			t.Errorf("%s: %s, on another node %s", target, first[i], again[i])
		}
	}
	for _, test := range []struct {
		name, old, new string
		changed        []bool // by taggedTargets
	}{
		{"a flag", `"classic"`, `"new"`, []bool{true, true, true, true}},
		{"another flag", `1.50`, `1.5`, []bool{true, true, false, true}},
		{"what flags do not show", `"premium"`, `"gold"`, []bool{true, false, false, true}},
	} {
		changed := tags(strings.ReplaceAll(document, test.old, test.new))
		for i, target := range taggedTargets {
			if (changed[i] != first[i]) != test.changed[i] {
				t.Errorf("%s: %s had %s and has %s", test.name, target, first[i], changed[i])
			}
		}
	}
}

func TestIdentitiesAreNotModifiedForTheSameQuestionOnly(t *testing.T) {
	var q *query
	api := newAPI(t, func(o *httpapi.Options) { q = o.Query.(*query) })
	const asked = `{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}]}`
	post := func(body, key, tag string) (int, string) {
		w := ask(api, "POST", "/api/v1/identities/", body, "X-Environment-Key: "+key, "If-None-Match: "+tag)
		return w.Code, w.Header().Get("ETag")
	}
	_, tag := post(asked, clientKey, `""`)
	w := ask(api, "POST", "/api/v1/identities/", asked, clientHeader("If-None-Match: "+tag, "Origin: https://a.test")...)
	wantUnmodified(t, "POST", w.Code, w.Body.String(), w.Header(), tag)
	for name, test := range map[string]struct {
		body, key string
		same      bool
	}{
		"written otherwise": {`{ "traits":[{"trait_value":"premium","trait_key":"plan"}], "identifier":"u", "transient": true }`, clientKey, true},
		"other identifier":  {strings.Replace(asked, `"u"`, `"v"`, 1), clientKey, false},
		"other trait":       {strings.Replace(asked, `premium`, `gold`, 1), clientKey, false},
		"other type":        {strings.Replace(asked, `"premium"`, `1`, 1), clientKey, false},
		"no traits":         {`{"identifier":"u"}`, clientKey, false},
		"other access":      {asked, serverKey, false},
	} {
		want := http.StatusOK
		if test.same {
			want = http.StatusNotModified
		}
		if status, other := post(test.body, test.key, tag); status != want || (other == tag) != test.same {
			t.Errorf("%s: %d with ETag %s, asked with %s", name, status, other, tag)
		}
	}
	q.serve(environment(t, clientKey, strings.Replace(document, `"express"`, `"new"`, 1)))
	if status, other := post(asked, clientKey, tag); status != http.StatusOK || other == tag {
		t.Errorf("a new document: %d with ETag %s, asked with %s", status, other, tag)
	}
	// Nobody asks for a random identifier twice.
	if _, tag := post(`{}`, clientKey, `""`); tag != "" {
		if status, _ := post(`{}`, clientKey, tag); status != http.StatusOK {
			t.Errorf("no identifier and no traits: %d", status)
		}
	}
	if got := ask(api, "GET", "/api/v1/identities/?identifier=u", "", clientHeader("If-Modified-Since: Wed, 04 Mar 2026 05:06:07 GMT")...); got.Code != http.StatusOK || got.Header().Get("Last-Modified") != "" {
		t.Errorf("an identity by date: %d, Last-Modified %s", got.Code, got.Header().Get("Last-Modified"))
	}
}

func TestIfModifiedSince(t *testing.T) {
	const date = "Wed, 04 Mar 2026 05:06:07 GMT" // updated_at is 0.891011 s later
	updated := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, test := range []struct {
		name    string
		age     time.Duration
		headers []string
		status  int
		dated   bool
	}{
		{"the date", time.Hour, []string{"If-Modified-Since: " + date}, 304, true},
		{"in RFC 850's form", time.Hour, []string{"If-Modified-Since: Wednesday, 04-Mar-26 05:06:07 GMT"}, 304, true},
		{"just old enough", 5 * time.Minute, []string{"If-Modified-Since: " + date}, 304, true},
		{"no condition", time.Hour, nil, 200, true},
		{"before", time.Hour, []string{"If-Modified-Since: Wed, 04 Mar 2026 05:06:06 GMT"}, 200, true},
		// Of a document that was taken back since, for example.
		{"after", time.Hour, []string{"If-Modified-Since: Wed, 04 Mar 2026 05:06:08 GMT"}, 200, true},
		{"no date", time.Hour, []string{"If-Modified-Since: yesterday"}, 200, true},
		{"no GMT", time.Hour, []string{"If-Modified-Since: Wed, 04 Mar 2026 05:06:07 +0000"}, 200, true},
		{"twice", time.Hour, []string{"If-Modified-Since: " + date, "If-Modified-Since: " + date}, 200, true},
		// Another change within the same second could be on its way.
		{"too young", 5*time.Minute - 1, []string{"If-Modified-Since: " + date}, 200, false},
		{"in the same second", 900 * time.Millisecond, []string{"If-Modified-Since: " + date}, 200, false},
		{"from the future", -time.Hour, []string{"If-Modified-Since: " + date}, 200, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPI(t, func(o *httpapi.Options) { o.Now = func() time.Time { return updated.Add(test.age) } })
			for _, target := range preparedTargets {
				for _, method := range []string{"GET", "HEAD", "GET"} { // again, for what is remembered
					w := ask(api, method, target, "", append(test.headers, "X-Environment-Key: "+serverKey, "Origin: https://a.test")...)
					if w.Code != test.status {
						t.Errorf("%s %s: %d, want %d", method, target, w.Code, test.status)
					}
					want := ""
					if test.dated {
						want = date
					}
					wantHeader(t, w, "Last-Modified", want)
					if test.status == http.StatusNotModified {
						wantUnmodified(t, method+" "+target, w.Code, w.Body.String(), w.Header(), tagOf(t, api, target))
					}
				}
			}
		})
	}
}

// Two documents of one second: a client that has the first gets the second, at any
// later time, also from a node whose clock is wrong.
func TestTheSecondChangeWithinASecondIsNotHidden(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 950_000_000, time.UTC)
	var q *query
	api := newAPI(t, func(o *httpapi.Options) {
		q = o.Query.(*query)
		o.Now = func() time.Time { return now.Add(time.Hour) }
		o.UpstreamNow = func() time.Time { return now }
	})
	first := ask(api, "GET", "/api/v1/flags/", "", clientHeader()...)
	wantHeader(t, first, "Last-Modified", "")
	second := strings.NewReplacer(`07.891011`, `07.9`, `"classic"`, `"new"`).Replace(document)
	q.serve(environment(t, clientKey, second))
	for _, age := range []time.Duration{0, time.Minute, time.Hour} {
		now = now.Add(age)
		w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("If-Modified-Since: "+first.Header().Get("Last-Modified"))...)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"new"`) {
			t.Errorf("after %v: %d %s", age, w.Code, w.Body)
		}
	}
}

func TestADocumentWithoutATimeHasNoDate(t *testing.T) {
	text := strings.Replace(document, `"updated_at": "2026-03-04T05:06:07.891011+00:00",`, "", 1)
	api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, text)) })
	for _, since := range []string{"Mon, 01 Jan 0001 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"} {
		w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("If-Modified-Since: "+since)...)
		if w.Code != http.StatusOK || w.Header().Get("Last-Modified") != "" || w.Header().Get("ETag") == "" {
			t.Errorf("%d with headers %v", w.Code, w.Header())
		}
	}
}

// What was said of an answer is not said of the failure that takes its place.
func TestAFailureIsNoAnswerToKeep(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		broken := *environment(t, clientKey, document)
		broken.Program = nil // evaluating panics, once the headers are set
		o.Query.(*query).serve(&broken)
	})
	w := ask(api, "GET", "/api/v1/identities/?identifier=u", "", clientHeader()...)
	want(t, w, http.StatusInternalServerError, `{"detail":"Internal Server Error"}`)
	for _, name := range []string{"ETag", "Last-Modified", "X-Flagsmith-Document-Updated-At"} {
		wantHeader(t, w, name, "")
	}
	wantHeader(t, w, "Cache-Control", "no-store")
}
