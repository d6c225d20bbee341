package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

const (
	olderDocument = ofrepDocument
	newerSecond   = "2026-03-04T05:06:08.000000+00:00"
)

// newerDocument is olderDocument as it is a second later.
var newerDocument = strings.Replace(strings.Replace(ofrepDocument, "2026-03-04T05:06:07.891011+00:00", newerSecond, 1), `"classic"`, `"modern"`, 1)

// changing is an API whose document changes.
type changing struct {
	*httpapi.API
	query *query
	told  *announcements
}

func newChanging(t *testing.T, change func(*httpapi.Options)) *changing {
	c := &changing{query: new(query), told: new(announcements)}
	c.query.serve(environment(t, clientKey, olderDocument))
	c.API = newAPI(t, func(o *httpapi.Options) {
		o.Query, o.Announcements = c.query, c.told
		if change != nil {
			change(o)
		}
	})
	return c
}

// become serves another document and announces it.
func (c *changing) become(t *testing.T, document string) {
	e := environment(t, clientKey, document)
	c.query.serve(e)
	c.told.tell(e.UpdatedAt)
}

// bulk is the answer with all flags.
type bulk struct {
	Flags        []struct{ Key string }
	EventStreams []struct {
		Type     string
		Endpoint struct{ Origin, RequestURI string }
	}
}

func (c *changing) flags(t *testing.T, query string, headers ...string) (*httptest.ResponseRecorder, bulk) {
	t.Helper()
	w := ask(c, http.MethodPost, ofrepFlags+query, somebody, clientHeader(append(headers, "Content-Type: application/json")...)...)
	var b bulk
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	return w, b
}

// address returns where the stream of an answer is.
func (b bulk) address(t *testing.T) string {
	t.Helper()
	if len(b.EventStreams) != 1 || b.EventStreams[0].Type != "sse" || b.EventStreams[0].Endpoint.Origin != "" {
		t.Fatalf("streams %+v", b.EventStreams)
	}
	return b.EventStreams[0].Endpoint.RequestURI
}

// listen opens the stream at an address.
func listen(t *testing.T, listener *memoryListener, address string, headers ...string) (net.Conn, *bufio.Reader) {
	t.Helper()
	client, _ := listener.dial()
	fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: proxy\r\n", address)
	for _, header := range headers {
		fmt.Fprintf(client, "%s\r\n", header)
	}
	fmt.Fprint(client, "\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	events := bufio.NewReader(answer.Body)
	wantEvent(t, events, ": connected\n\n")
	return client, events
}

// event reads an event about a document, and returns the document's tag.
func event(t *testing.T, events *bufio.Reader, lastModified int64) (tag string) {
	t.Helper()
	var lines []string
	for {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\n" {
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	if len(lines) != 3 || lines[1] != "event: message" {
		t.Fatalf("event %q", lines)
	}
	var data struct {
		Type, ETag   string
		LastModified int64
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &data); err != nil {
		t.Fatalf("%v: %q", err, lines)
	}
	if data.Type != "refetchEvaluation" || lines[0] != "id: "+data.ETag || data.LastModified != lastModified {
		t.Errorf("event %q", lines)
	}
	return data.ETag
}

// The stream that an answer names has an event for each change, and begins with one for a
// listener that missed a change: before it connected, or while it was away.
func TestOFREPStream(t *testing.T) {
	var c *changing // made in the bubble of synctest
	o := timeouts
	o.OnShutdown = func() { c.EndStreams() }
	handler := func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(w, r) }
	inMemory(t, http.HandlerFunc(handler), o, func(t *testing.T, listener *memoryListener) {
		c = newChanging(t, nil)
		newer, _ := time.Parse(time.RFC3339, newerSecond)
		_, first := c.flags(t, "")
		one, events := listen(t, listener, first.address(t))
		defer one.Close()
		synctest.Wait()
		c.become(t, newerDocument)
		tag := event(t, events, newer.Unix())

		_, second := c.flags(t, "?flagConfigEtag="+tag+fmt.Sprintf("&flagConfigLastModified=%d", newer.Unix()))
		if !strings.HasSuffix(second.address(t), "="+tag) || second.address(t) == first.address(t) {
			t.Errorf("the address of the stream was %s, is %s", first.address(t), second.address(t))
		}
		for name, test := range map[string]struct {
			address string
			headers []string
			missed  bool
		}{
			"who missed a change before connecting":  {first.address(t), nil, true},
			"who has the document":                   {second.address(t), nil, false},
			"who was away during a change":           {second.address(t), []string{"Last-Event-ID: before"}, true},
			"who was away, and missed nothing":       {first.address(t), []string{"Last-Event-ID: " + tag}, false},
			"who does not say":                       {strings.Split(first.address(t), "?")[0], nil, false},
			"who has what no document of today's is": {"/sse/environments/client/ofrep?etag=%00", nil, true},
		} {
			conn, events := listen(t, listener, test.address, test.headers...)
			if test.missed {
				if got := event(t, events, newer.Unix()); got != tag {
					t.Errorf("%s: an event about %s, want %s", name, got, tag)
				}
			} else {
				wantEvent(t, events, ": heartbeat\n\n")
			}
			conn.Close()
		}
	})
}

func TestOFREPStreamsAreForKnownClientSideKeys(t *testing.T) {
	c := newChanging(t, nil)
	for _, path := range []string{"/sse/environments/nope/ofrep", "/sse/environments/" + serverKey + "/ofrep?etag=x"} {
		status(t, path, ask(c, "GET", path, ""), http.StatusNotFound)
	}
	status(t, "HEAD", ask(c, "HEAD", "/sse/environments/client/ofrep", ""), http.StatusOK)
	status(t, "POST", ask(c, "POST", "/sse/environments/client/ofrep", ""), http.StatusMethodNotAllowed)
}

// Answers to both kinds of keys name the stream of the client-side key, and only while
// streams are on. With and without them the answers are different ones.
func TestOFREPAnswersNameTheStream(t *testing.T) {
	on, off := newChanging(t, nil), newChanging(t, func(o *httpapi.Options) { o.NoOFREPStreams = true })
	server := ask(on, "POST", ofrepFlags, "", "X-Environment-Key: "+serverKey)
	if body := server.Body.String(); !strings.Contains(body, `"requestUri":"/sse/environments/client/ofrep?etag=`) || strings.Contains(body, serverKey) {
		t.Errorf("%s", body)
	}
	with, _ := on.flags(t, "")
	without, b := off.flags(t, "")
	if len(b.EventStreams) != 0 || strings.Contains(without.Body.String(), "eventStreams") {
		t.Errorf("%s", without.Body)
	}
	if len(b.Flags) == 0 || with.Header().Get("ETag") == without.Header().Get("ETag") {
		t.Errorf("both have the tag %s", with.Header().Get("ETag"))
	}
	again, _ := on.flags(t, "", "If-None-Match: "+with.Header().Get("ETag"))
	status(t, "who has the answer", again, http.StatusNotModified)
	one := ask(on, "POST", ofrepFlags+"/static", somebody, clientHeader()...)
	if strings.Contains(one.Body.String(), "eventStreams") {
		t.Errorf("the answer with one flag: %s", one.Body)
	}
	odd := new(query)
	odd.serve(environment(t, `a "b"/ü`, ofrepDocument))
	api := newAPI(t, func(o *httpapi.Options) { o.Query, o.Announcements = odd, new(announcements) })
	w := ask(api, "POST", ofrepFlags, "", `X-Environment-Key: a "b"/ü`)
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if u, err := url.Parse(b.address(t)); err != nil || u.EscapedPath() != "/sse/environments/a%20%22b%22%2F%C3%BC/ofrep" {
		t.Errorf("%s, %v", b.address(t), err)
	}
}

// A request about a change that this node does not have yet waits for it, for a second.
// The answer then is a whole one, because the client knows that something is different.
func TestOFREPWaitsForTheChangeOfAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(t, nil)
		newer, _ := time.Parse(time.RFC3339, newerSecond)
		old, _ := c.flags(t, "")
		held := "If-None-Match: " + old.Header().Get("ETag")
		c.query.serve(environment(t, clientKey, newerDocument))
		_, then := c.flags(t, "")
		newTag := then.address(t)[strings.Index(then.address(t), "=")+1:]
		c.query.serve(environment(t, clientKey, olderDocument))
		_, now := c.flags(t, "")
		oldTag := now.address(t)[strings.Index(now.address(t), "=")+1:]
		about := func(tag string, modified any) string {
			return "?" + url.Values{"flagConfigEtag": {tag}, "flagConfigLastModified": {fmt.Sprint(modified)}}.Encode()
		}
		for _, test := range []struct {
			name, query string
			took        time.Duration
			status      int
		}{
			{"nothing", "", 0, 304},
			{"no tag", about("", newer.Unix()), 0, 304},
			{"this document", about(oldTag, newer.Unix()-1), 0, 304},
			{"this document, quoted", about(`"`+oldTag+`"`, newer.Unix()-1), 0, 304},
			{"an older document", about("x", newer.Unix()-2), 0, 200},
			{"a newer document", about(newTag, newer.Unix()), time.Second, 200},
			{"a newer document, as a date", about(newTag, newerSecond), time.Second, 200},
			{"another document of this second", about("x", newer.Unix()-1), time.Second, 200},
			{"another document", "?flagConfigEtag=x", time.Second, 200},
			{"no time", about("x", "yesterday"), time.Second, 200},
			{"a time that is negative", about("x", -5), time.Second, 200},
		} {
			began := time.Now()
			w, _ := c.flags(t, test.query, held)
			status(t, test.name, w, test.status)
			if took := time.Since(began); took != test.took {
				t.Errorf("%s: took %v, want %v", test.name, took, test.took)
			}
		}
		began := time.Now()
		go func() {
			<-time.After(300 * time.Millisecond)
			c.told.tell(time.Now()) // about nothing new
			<-time.After(300 * time.Millisecond)
			c.become(t, newerDocument)
		}()
		w, _ := c.flags(t, about(newTag, newer.Unix()), held)
		if took := time.Since(began); took != 600*time.Millisecond || !strings.Contains(w.Body.String(), "modern") {
			t.Errorf("%d after %v: %s", w.Code, took, w.Body)
		}
		w, _ = c.flags(t, about(newTag, newer.Unix()), "If-None-Match: "+w.Header().Get("ETag"))
		status(t, "who has it already", w, http.StatusNotModified)
		if n := len(c.told.listeners); n > 0 {
			t.Errorf("%d still listen", n)
		}
		go func() {
			<-time.After(100 * time.Millisecond)
			c.told.end()
		}()
		began = time.Now()
		w, _ = c.flags(t, about("x", newer.Unix()+5), held)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("waits %v for an environment that is not served any more", took)
		}
		status(t, "the last document", w, http.StatusOK)
	})
}
