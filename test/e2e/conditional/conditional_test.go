// Package conditional_test shows conditional requests and paging from end to end,
// on built binaries: tags hold on every node and after a restart.
package conditional_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "conditional_client_key"
	serverKey = "ser.conditional_server_key"
	first     = "2026-01-02T03:04:05.250000Z"
	second    = "2026-01-02T03:04:06.500000Z"
	dated     = "Fri, 02 Jan 2026 03:04:05 GMT" // first, as HTTP has it
	overrides = 25
	patience  = 30 * time.Second
)

// environment has a flag with a value, one that is long enough for gzip, and
// identity overrides to be paged.
func environment(updatedAt, value string) fakeflagsmith.Environment {
	list := make([]string, overrides)
	for i := range list {
		list[i] = fmt.Sprintf(`{"identifier":"id-%d","identity_features":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":%q}]}`, i, value)
	}
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: fmt.Appendf(nil,
		`{"api_key":%q,"name":"n","updated_at":%q,"project":{"segments":[]},"feature_states":[
		{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":%q,"django_id":1},
		{"feature":{"id":2,"name":"b","type":"STANDARD"},"enabled":true,"feature_state_value":%q,"django_id":2}],"identity_overrides":[%s]}`,
		clientKey, updatedAt, value, strings.Repeat("long ", 300), strings.Join(list, ","))}
}

// resource is something that has a tag.
type resource struct {
	name, method, path, key, body string
	date                          bool // it has Last-Modified too
	short                         bool // too short for gzip
}

func resources() []resource {
	const identity = `{"identifier":"id-1","traits":[{"trait_key":"t","trait_value":1}]}`
	return []resource{
		{name: "flags", method: "GET", path: "/api/v1/flags/", key: clientKey, date: true},
		{name: "one flag", method: "GET", path: "/api/v1/flags/?feature=a", key: clientKey, date: true, short: true},
		{name: "document", method: "GET", path: "/api/v1/environment-document", key: serverKey, date: true},
		{name: "page", method: "GET", path: "/api/v1/environment-document/?page_size=10", key: serverKey, date: true},
		{name: "identity", method: "GET", path: "/api/v1/identities/?identifier=id-1", key: clientKey},
		{name: "posted identity", method: "POST", path: "/api/v1/identities/", key: clientKey, body: identity},
		{name: "OFREP", method: "POST", path: "/ofrep/v1/evaluate/flags", key: clientKey, body: `{"context":{"targetingKey":"id-1","t":1}}`},
	}
}

// answer is what came, with its body unpacked.
type answer struct {
	status int
	header http.Header
	body   string
}

func (r resource) ask(t *testing.T, node *harness.Proxy, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, node.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", r.key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := io.Reader(response.Body)
	if response.Header.Get("Content-Encoding") == "gzip" && response.StatusCode == http.StatusOK {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// wantUnmodified checks a 304 and the headers that it must have.
func wantUnmodified(t *testing.T, got answer, tag string) {
	t.Helper()
	if got.status != http.StatusNotModified || got.body != "" || got.header.Get("ETag") != tag || got.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%d %v %q, want 304 with %s", got.status, got.header, got.body, tag)
	}
}

var strong = regexp.MustCompile(`^"[0-9a-f]{16,}(-gzip)?"$`)

func TestTagsHoldEverywhere(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(first, "old"))
	config["api_poll_frequency_seconds"] = 1
	config["store"] = map[string]any{"url": "bolt://" + t.TempDir() + "/documents.db"}
	one := harness.StartProxy(t, harness.Setup{Config: config})
	delete(config, "store")
	other := harness.StartProxy(t, harness.Setup{Config: config})
	one.WaitReady(t)
	other.WaitReady(t)

	before := map[string]answer{} // by name of resource
	for _, r := range resources() {
		t.Run(r.name, func(t *testing.T) {
			plain, zipped := r.ask(t, one), r.ask(t, one, "Accept-Encoding", "gzip")
			tag, zipTag := plain.header.Get("ETag"), zipped.header.Get("ETag")
			if plain.status != http.StatusOK || !strong.MatchString(tag) || plain.header.Get("Cache-Control") != "private, no-cache" {
				t.Fatalf("%d %v", plain.status, plain.header)
			}
			before[r.name] = plain
			// Two forms have two tags, since tags are strong; and a cache that keeps both knows
			// by what they differ.
			if zipped.body != plain.body || (zipTag == tag) != r.short || (zipped.header.Get("Content-Encoding") == "gzip") == r.short {
				t.Errorf("gzip: %s and %s, %v", tag, zipTag, zipped.header)
			}
			if vary := strings.Contains(plain.header.Get("Vary"), "Accept-Encoding"); vary == r.short || !slices.Equal(plain.header["Vary"], zipped.header["Vary"]) {
				t.Errorf("Vary: %q and %q", plain.header["Vary"], zipped.header["Vary"])
			}
			if date := plain.header.Get("Last-Modified"); (date == dated) != r.date || date != "" && !r.date {
				t.Errorf("Last-Modified %q", date)
			}
			for _, node := range []*harness.Proxy{one, other} {
				wantUnmodified(t, r.ask(t, node, "If-None-Match", tag), tag)
				wantUnmodified(t, r.ask(t, node, "If-None-Match", "W/"+tag), tag)
				wantUnmodified(t, r.ask(t, node, "If-None-Match", `"a", W/"b" ,`+tag), tag)
				wantUnmodified(t, r.ask(t, node, "If-None-Match", "*"), tag)
				wantUnmodified(t, r.ask(t, node, "If-None-Match", zipTag, "Accept-Encoding", "gzip"), zipTag)
				got := r.ask(t, node, "If-None-Match", `"a"`, "If-Modified-Since", dated)
				if got.status != http.StatusOK || got.header.Get("ETag") != tag || got.body != plain.body {
					t.Errorf("with another tag: %d %v", got.status, got.header)
				}
				if got := r.ask(t, node, "If-Modified-Since", dated); r.date {
					wantUnmodified(t, got, tag)
				} else if got.status != http.StatusOK {
					t.Errorf("by date, which it has not: %d", got.status)
				}
			}
		})
	}
	t.Run("each identity has its own tag", func(t *testing.T) {
		tag := before["posted identity"].header.Get("ETag")
		r := resources()[5]
		r.body = `{"identifier":"id-1","traits":[{"trait_key":"t","trait_value":2}]}`
		if got := r.ask(t, one, "If-None-Match", tag); got.status != http.StatusOK || got.header.Get("ETag") == tag {
			t.Errorf("other traits: %d %v", got.status, got.header)
		}
	})

	one.Signal(t, os.Interrupt)
	one.Wait(t, patience)
	config["store"] = map[string]any{"url": "memory:"}
	again := harness.StartProxy(t, harness.Setup{Config: config})
	again.WaitReady(t)
	for _, r := range resources() {
		tag := before[r.name].header.Get("ETag")
		wantUnmodified(t, r.ask(t, again, "If-None-Match", tag), tag)
	}

	if err := upstream.PutEnvironment(t.Context(), environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	for _, node := range []*harness.Proxy{again, other} {
		wait.Until(t, patience, "the change", func() bool { return strings.Contains(resources()[1].ask(t, node).body, `"new"`) })
	}
	for _, r := range resources() {
		held := before[r.name]
		for _, node := range []*harness.Proxy{again, other} {
			got := r.ask(t, node, "If-None-Match", held.header.Get("ETag"))
			if got.status != http.StatusOK || got.header.Get("ETag") == held.header.Get("ETag") || got.body == held.body {
				t.Errorf("%s after the change: %d %v", r.name, got.status, got.header)
			}
			if got := r.ask(t, node, "If-Modified-Since", dated); got.status != http.StatusOK {
				t.Errorf("%s after the change, by date: %d", r.name, got.status)
			}
		}
	}
}

// Pages lead from one to the next, at whichever node, and are the document put
// together; when it changes in between they say so.
func TestPagesLeadToTheWholeDocument(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(first, "old"))
	config["api_poll_frequency_seconds"] = 1
	var nodes [2]*harness.Proxy
	for i := range nodes {
		nodes[i] = harness.StartProxy(t, harness.Setup{Config: config})
		nodes[i].WaitReady(t)
	}
	document := resource{method: "GET", path: "/api/v1/environment-document/?page_size=10", key: serverKey}
	next := regexp.MustCompile(`^<([^>]+)>; rel="next"$`)
	var identifiers []string
	var last string // the link to the last page
	for pages := 0; ; pages++ {
		got := document.ask(t, nodes[pages%2])
		var page struct {
			APIKey    string                        `json:"api_key"`
			Overrides []struct{ Identifier string } `json:"identity_overrides"`
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != http.StatusOK || page.APIKey != clientKey {
			t.Fatalf("page %d: %d %v", pages, got.status, err)
		}
		for _, o := range page.Overrides {
			identifiers = append(identifiers, o.Identifier)
		}
		tag := got.header.Get("ETag")
		wantUnmodified(t, document.ask(t, nodes[(pages+1)%2], "If-None-Match", tag), tag)
		link := got.header.Get("Link")
		if link == "" {
			if pages != 2 {
				t.Errorf("%d pages after the first", pages)
			}
			break
		}
		match := next.FindStringSubmatch(link)
		if match == nil {
			t.Fatalf("Link: %s", link)
		}
		asked, err := url.Parse(document.path)
		if err != nil {
			t.Fatal(err)
		}
		target, err := asked.Parse(match[1])
		if err != nil || target.Path != "/api/v1/environment-document/" || !strings.HasPrefix(target.RawQuery, "page_id=") {
			t.Fatalf("Link: %s, %v", link, err)
		}
		document.path, last = target.String(), target.String()
	}
	for i, id := range identifiers {
		if id != fmt.Sprintf("id-%d", i) {
			t.Errorf("override %d is of %q", i, id)
		}
	}
	if len(identifiers) != overrides {
		t.Errorf("%d overrides", len(identifiers))
	}

	if err := upstream.PutEnvironment(t.Context(), environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	document.path = last
	wait.Until(t, patience, "a page of a document that is gone", func() bool { return document.ask(t, nodes[0]).status == http.StatusConflict })
}
