package inspect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const serverKey = "ser.secret_of_the_shop_4711"

// upstream answers with a document, or fails.
type upstream struct {
	document string
	err      error
}

func (u upstream) FetchDocument(_ context.Context, r ports.DocumentRequest) (ports.Document, error) {
	if r.Key.Reveal() != serverKey {
		return ports.Document{}, errors.New("not that key")
	}
	return ports.Document{Body: []byte(u.document)}, u.err
}

// store has one document.
type store struct {
	ports.Reader
	document string
	err      error
}

func (s store) Get(context.Context, domain.EnvironmentKey) (ports.Record, error) {
	return ports.Record{Body: []byte(s.document)}, s.err
}

// history has one former document of the shop.
type history struct{ document string }

func (h history) Document(_ context.Context, key domain.EnvironmentKey, version string) (app.HistoryEntry, []byte, error) {
	if key != "shop" || version != "1" {
		return app.HistoryEntry{}, nil, app.ErrNoSuchVersion
	}
	return app.HistoryEntry{}, []byte(h.document), nil
}

// node returns a node that serves the shop, and another environment whose document has
// not arrived if several.
func node(several bool, store ports.Reader, upstream ports.Upstream) *inspect.Node {
	keys := []domain.EnvironmentKeys{{Client: "shop", Server: []domain.Credential{domain.NewCredential(domain.NewServerKey(serverKey), time.Time{})}}}
	if several {
		keys = append(keys, domain.EnvironmentKeys{Client: "other"})
	}
	served := map[domain.EnvironmentKey]*app.Environment{"shop": {Key: "shop", Body: []byte(shopText)}}
	snapshot := app.NewSnapshot(domain.NewKeyRing(keys), served, time.Now)
	former := history{strings.ReplaceAll(shopText, `"value":"18"`, `"value":"17"`)}
	return inspect.NewNode(inspect.NodeDeps{Served: func() *app.Snapshot { return snapshot }, History: former, Store: store, Upstream: upstream, Now: time.Now})
}

func TestNodeExplains(t *testing.T) {
	n := node(false, nil, nil)
	got, err := n.Explain(t.Context(), []byte(`{"identifier":"ada","traits":[{"trait_key":"age","trait_value":20}],"features":["checkout"]}`))
	if err != nil {
		t.Fatal(err)
	}
	var e inspect.Explanation
	if err := json.Unmarshal(got, &e); err != nil || len(e.Flags) != 1 || string(e.Flags[0].Value) != `"adult"` {
		t.Errorf("%s, %v", got, err)
	}
	if again, err := node(true, nil, nil).Explain(t.Context(), []byte(`{"environment":"shop"}`)); err != nil || !strings.Contains(string(again), `"feature":"top"`) {
		t.Errorf("%s, %v", again, err)
	}
}

// What a node answers has no server-side key, whatever the document has.
func TestNodeMasksServerKeys(t *testing.T) {
	changed := strings.ReplaceAll(shopText, `"v1"`, `"`+serverKey+`"`)
	n := node(false, nil, upstream{document: changed})
	got, err := n.Diff(t.Context(), []byte(`{"a":"proxy","b":"api","identities":[{"identifier":"c"}]}`))
	if err != nil || !json.Valid(got) || !strings.Contains(string(got), "ser.…4711") || strings.Contains(string(got), serverKey) {
		t.Errorf("%s, %v", got, err)
	}
	_, err = node(false, nil, upstream{err: errors.New("refused " + serverKey)}).Diff(t.Context(), []byte(`{"a":"proxy","b":"api"}`))
	if err == nil || strings.Contains(err.Error(), serverKey) {
		t.Errorf("error %v", err)
	}
}

func TestNodeCompares(t *testing.T) {
	changed := strings.ReplaceAll(shopText, `"value":"18"`, `"value":"16"`)
	n := node(false, store{document: shopText}, upstream{document: changed})
	for body, want := range map[string]bool{
		`{"a":"proxy","b":"proxy"}`:                    false,
		`{"a":"proxy","b":"store"}`:                    false,
		`{"a":"store","b":"api","environment":"shop"}`: true,
		`{"a":"history:1","b":"history:1"}`:            false,
		`{"a":"history:1","b":"proxy"}`:                true,
		`{"a":"store","b":"history:1"}`:                true,
		`{"a":` + shopText + `,"b":"proxy"}`:           false,
		`{"a":"proxy","b":` + changed + `,"identities":[{},{"identifier":"ada","traits":[{"trait_key":"age","trait_value":17}]}]}`: true,
	} {
		got, err := n.Diff(t.Context(), []byte(body))
		var c inspect.Comparison
		if err != nil || json.Unmarshal(got, &c) != nil || c.Different != want {
			t.Errorf("%.80s: %s, %v", body, got, err)
		}
		if strings.Contains(body, `"identities"`) && c.Compared != 2 {
			t.Errorf("%d identities were compared, want 2", c.Compared)
		}
		if strings.Contains(body, `"identities"`) && (len(c.Identities) != 1 || c.Identities[0].Number != 2) {
			t.Errorf("affected are %+v, want the second identity", c.Identities)
		}
	}
}

func TestNodeRefuses(t *testing.T) {
	failing := errors.New("connection refused")
	for _, test := range []struct {
		ask        string
		body, want string
		kind       inspect.ErrorKind
	}{
		{"explain", `[]`, "the body is not an object", inspect.Malformed},
		{"explain", `{`, "the body is not JSON", inspect.Malformed},
		{"explain", `{}`, "this node serves 2 environments; name one by the member environment", inspect.Malformed},
		{"explain", `{"environment":"nope"}`, "does not serve an environment with that client-side key", inspect.NotFound},
		{"explain", `{"environment":"other"}`, "no document of this environment has arrived", inspect.NotFound},
		{"explain", `{"environment":"shop","features":["x"]}`, `the feature "x" among its 3`, inspect.NotFound},
		{"diff", ``, "the body is not JSON", inspect.Malformed},
		{"diff", `null`, `such as {"a":"proxy","b":"api"}`, inspect.Malformed},
		{"diff", `{"a":"proxy"}`, "a and b are needed", inspect.Malformed},
		{"diff", `{"a":1,"b":"api"}`, "a is not a place", inspect.Malformed},
		{"diff", `{"a":"proxy","b":"history","environment":"shop"}`, `"history" is not a place of documents; proxy, api, store and, such as history:1, the history are`, inspect.Malformed},
		{"diff", `{"a":"proxy","b":"history:","environment":"shop"}`, `"history:" is not a place of documents`, inspect.Malformed},
		{"diff", `{"a":"proxy","b":"history:2","environment":"shop"}`, "history:2: the history of this environment has no such document", inspect.NotFound},
		{"diff", `{"a":"proxy","b":"api"}`, "name one by the member environment", inspect.Malformed},
		{"diff", `{"a":"proxy","b":{},"environment":"shop"}`, "b: not a usable environment document", inspect.Malformed},
		{"diff", `{"a":"proxy","b":"store","environment":"shop"}`, "the store has no document under shop", inspect.NotFound},
		{"diff", `{"a":"proxy","b":"api","environment":"shop"}`, "api: connection refused", inspect.Unreachable},
		{"diff", `{"a":"proxy","b":"api","environment":7}`, "environment is not a text", inspect.Malformed},
		{"diff", `{"a":"proxy","b":"api","identities":{}}`, "identities is not a list", inspect.Malformed},
		{"diff", `{"a":"proxy","b":"api","identities":[{"traits":1}]}`, "identities[0]: traits is not a list", inspect.Malformed},
		{"diff", fmt.Sprintf(`{"a":"proxy","b":"api","identities":[{}%s]}`, strings.Repeat(",{}", 1000)), "more than 1000", inspect.Malformed},
	} {
		n := node(true, store{err: ports.ErrNotFound}, upstream{err: failing})
		ask := n.Explain
		if test.ask == "diff" {
			ask = n.Diff
		}
		got, err := ask(t.Context(), []byte(test.body))
		var refused *inspect.RequestError
		if !errors.As(err, &refused) || refused.Kind != test.kind || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %.80s: %s, %v; want %q", test.ask, test.body, got, err, test.want)
		}
	}
}

// hanging is an upstream that does not answer.
type hanging struct{}

func (hanging) FetchDocument(ctx context.Context, _ ports.DocumentRequest) (ports.Document, error) {
	<-ctx.Done()
	return ports.Document{}, ctx.Err()
}

// A request that waits for upstream ends with its client, and does not hold up others.
func TestNodeWaitsForUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := node(false, nil, hanging{})
		first, end := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := n.Diff(first, []byte(`{"a":"proxy","b":"api"}`))
			ended <- err
		}()
		synctest.Wait()
		if _, err := n.Explain(t.Context(), []byte(`{}`)); err != nil {
			t.Errorf("meanwhile: %v", err)
		}
		end()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended with %v", err)
		}
	})
}
