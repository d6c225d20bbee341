//go:build sdk

package openfeature_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "openfeature_client_key"
	serverKey = "ser.openfeature_server_key"
	flagsPath = "/ofrep/v1/evaluate/flags"
	patience  = 30 * time.Second
	// pollMS is how often the provider for browsers polls.
	pollMS = 50
)

// documentWith returns an environment with a feature for each way to come out;
// banner is what one of them says.
func documentWith(updatedAt, banner string) []byte {
	condition := func(property, operator, value string) string {
		return `{"id":"` + property + `","name":"` + property + `","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"` + operator + `","property_":"` + property + `","value":"` + value + `"}]}],
		"feature_states":[{"django_id":50,"feature":{"id":5,"name":"targeted"},"enabled":true,"feature_state_value":"` + property + `"}]}`
	}
	return []byte(`{"api_key":"` + clientKey + `","name":"Test","updated_at":"` + updatedAt + `","project":{"server_key_only_feature_ids":[10],"segments":[` +
		strings.Join([]string{
			condition("country", "EQUAL", "AT"), condition("age", "GREATER_THAN", "41"), condition("ratio", "EQUAL", "0.5"),
			condition("member", "EQUAL", "true"), condition("since", "CONTAINS", "2026-01-02"),
		}, ",") + `]},
	"feature_states":[
		{"django_id":1,"feature":{"id":1,"name":"switch"},"enabled":true,"feature_state_value":null},
		{"django_id":2,"feature":{"id":2,"name":"off"},"enabled":false,"feature_state_value":null},
		{"django_id":3,"feature":{"id":3,"name":"off_with_value"},"enabled":false,"feature_state_value":"hidden"},
		{"django_id":4,"feature":{"id":4,"name":"banner"},"enabled":true,"feature_state_value":"` + banner + `"},
		{"django_id":5,"feature":{"id":5,"name":"targeted"},"enabled":true,"feature_state_value":"everybody"},
		{"django_id":6,"feature":{"id":6,"name":"number"},"enabled":true,"feature_state_value":39},
		{"django_id":7,"feature":{"id":7,"name":"json"},"enabled":true,"feature_state_value":"{\"a\":[1]}"},
		{"django_id":12,"feature":{"id":12,"name":"object"},"enabled":true,"feature_state_value":{"colours":["#77f",null],"width":{"px":1.5}}},
		{"django_id":8,"feature":{"id":8,"name":"split"},"enabled":true,"feature_state_value":"plain","multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":100,"multivariate_feature_option":{"key":"blue","value":"#77f"}}]},
		{"django_id":9,"feature":{"id":9,"name":"unnamed split"},"enabled":true,"feature_state_value":"plain","multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":100,"multivariate_feature_option":{"value":"all"}}]},
		{"django_id":11,"feature":{"id":11,"name":"long"},"enabled":true,"feature_state_value":"` + strings.Repeat("so that the answer is gzipped, ", 50) + `"},
		{"django_id":10,"feature":{"id":10,"name":"secret"},"enabled":true,"feature_state_value":"for servers"}],
	"identity_overrides":[{"identifier":"ada","identity_features":[{"feature":{"id":5,"name":"targeted"},"enabled":true,"feature_state_value":"hers"}]}]}`)
}

const (
	first  = "2026-01-02T03:04:05.000000Z"
	second = "2026-01-02T03:04:06.000000Z"
	third  = "2026-01-02T03:04:07.000000Z"
)

// world is a proxy with a Flagsmith behind it, and the SDKs in front.
type world struct {
	upstream *harness.Upstream
	proxy    *harness.Proxy
	client   client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{upstream: harness.StartUpstream(t)}
	config := w.upstream.Serve(t, environment(first, "hello"))
	config["api_poll_frequency_seconds"] = 1
	config["logging"] = object{"log_format": "json", "enable_access_log": true}
	w.proxy = harness.StartProxy(t, harness.Setup{Config: config})
	w.proxy.WaitReady(t)
	w.client = startClient(t)
	return w
}

func environment(updatedAt, banner string) fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: documentWith(updatedAt, banner)}
}

// options are those of a provider with a key in the usual header.
func (w *world) options(key string) object {
	return object{"url": w.proxy.URL, "headers": object{"X-Environment-Key": key}}
}

// expected is how an evaluation is to come out, with the value under test as the
// type of the default.
type expected struct {
	name, flag string
	fallback   any
	context    object
	want       details
}

func evaluations() []expected {
	environment, segment, identity := object{"source": "environment"}, object{"source": "segment"}, object{"source": "identity"}
	matched := func(value string) details {
		return details{Value: value, Reason: "TARGETING_MATCH", Variant: "segment-override", FlagMetadata: segment}
	}
	bob := func(traits object) object {
		traits["targetingKey"] = "bob"
		return traits
	}
	everybody := details{Value: "everybody", Reason: "DEFAULT", Variant: "default", FlagMetadata: environment}
	static := func(value any) details {
		return details{Value: value, Reason: "STATIC", Variant: "default", FlagMetadata: environment}
	}
	return []expected{
		{"a boolean", "switch", false, nil, static(true)},
		{"a boolean that is off", "off", true, nil, details{Value: false, Reason: "DISABLED", Variant: "default", FlagMetadata: environment}},
		{"a text", "banner", "-", nil, static("hello")},
		{"a number", "number", 1, nil, static(39.0)},
		{"JSON in a text", "json", "-", nil, static(`{"a":[1]}`)},
		{"an object", "object", object{}, nil, static(object{"colours": []any{"#77f", nil}, "width": object{"px": 1.5}})},
		{"an object as a text", "object", "fallback", nil, details{Value: "fallback", Reason: "ERROR", ErrorCode: "TYPE_MISMATCH"}},
		{"a variant with a name", "split", "-", bob(object{}), details{Value: "#77f", Reason: "SPLIT", Variant: "blue", FlagMetadata: object{"source": "environment", "weight": 100.0}}},
		{"a variant without one", "unnamed split", "-", bob(object{}), details{Value: "all", Reason: "SPLIT", Variant: "variant-1", FlagMetadata: object{"source": "environment", "weight": 100.0}}},
		{"nobody to split", "split", "-", nil, details{Value: "plain", Reason: "STATIC", Variant: "control", FlagMetadata: environment}},
		{"no targeting key, but traits", "targeted", "-", object{"country": "AT"}, matched("country")},
		{"a text attribute", "targeted", "-", bob(object{"country": "AT"}), matched("country")},
		{"an integer", "targeted", "-", bob(object{"age": 42}), matched("age")},
		{"a fraction", "targeted", "-", bob(object{"ratio": 0.5}), matched("ratio")},
		{"a boolean attribute", "targeted", "-", bob(object{"member": true}), matched("member")},
		{"a date", "targeted", "-", bob(object{"since": "2026-01-02T03:04:05.000Z"}), matched("since")},
		{"members of traits", "targeted", "-", bob(object{"traits": object{"country": "AT"}}), matched("country")},
		{"lists, objects and null", "targeted", "-", bob(object{"country": []string{"AT"}, "age": object{"years": 42}, "member": nil}), everybody},
		{"attributes that match nothing", "targeted", "-", bob(object{"country": "NZ", "age": 40}), everybody},
		{"an identity's own", "targeted", "-", object{"targetingKey": "ada", "country": "AT"},
			details{Value: "hers", Reason: "TARGETING_MATCH", Variant: "identity-override", FlagMetadata: identity}},
		{"an unknown flag", "nothing", "fallback", nil, details{Value: "fallback", Reason: "ERROR", ErrorCode: "FLAG_NOT_FOUND"}},
		{"one that only servers may see", "secret", "fallback", nil, details{Value: "fallback", Reason: "ERROR", ErrorCode: "FLAG_NOT_FOUND"}},
		{"another type", "number", "fallback", nil, details{Value: "fallback", Reason: "ERROR", ErrorCode: "TYPE_MISMATCH"}},
	}
}

func check(t *testing.T, got, want details) {
	t.Helper()
	got.ErrorMessage = ""
	if got.ErrorCode != "" {
		got.FlagMetadata = nil // is the answer's, where there is one
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestServerProvider(t *testing.T) {
	w := newWorld(t)
	name := w.client.open(t, w.options(clientKey))
	for _, test := range evaluations() {
		t.Run(test.name, func(t *testing.T) {
			check(t, w.client.evaluate(t, name, test.flag, test.fallback, test.context), test.want)
		})
	}
	t.Run("a disabled flag leaves it to the application", func(t *testing.T) {
		if got := w.client.evaluate(t, name, "off_with_value", "fallback", nil); got.Value != "fallback" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("an attribute that is too long", func(t *testing.T) {
		got := w.client.evaluate(t, name, "banner", "fallback", object{"plan": strings.Repeat("x", 2001)})
		check(t, got, details{Value: "fallback", Reason: "ERROR", ErrorCode: "INVALID_CONTEXT"})
	})
	t.Run("a body that is not JSON", func(t *testing.T) {
		options := w.options(clientKey)
		options["body"] = `{"context":`
		got := w.client.evaluate(t, w.client.open(t, options), "banner", "fallback", nil)
		check(t, got, details{Value: "fallback", Reason: "ERROR", ErrorCode: "PARSE_ERROR"})
	})
}

// Providers send the headers that they are configured with.
func TestKeys(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name, header, value string
		flag                string // that the key may see
		code                string
	}{
		{"Flagsmith's header", "X-Environment-Key", clientKey, "banner", ""},
		{"the protocol's header", "X-API-Key", clientKey, "banner", ""},
		{"a bearer token", "Authorization", "Bearer " + clientKey, "banner", ""},
		{"a token of no scheme", "Authorization", clientKey, "banner", ""},
		{"a server-side key", "Authorization", "Bearer " + serverKey, "secret", ""},
		{"an unknown key", "Authorization", "Bearer nobodys", "banner", "GENERAL"},
		{"no key", "X-Nothing", "x", "banner", "GENERAL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := w.client.open(t, object{"url": w.proxy.URL, "headers": object{test.header: test.value}})
			got := w.client.evaluate(t, name, test.flag, "fallback", nil)
			if got.ErrorCode != test.code || (got.Value == "fallback") != (test.code != "") {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("an unknown key is fatal to the provider for browsers", func(t *testing.T) {
		options := object{"url": w.proxy.URL, "headers": object{"Authorization": "Bearer nobodys"}, "web": true}
		if err := w.client.Try(t, object{"call": "open", "client": t.Name(), "options": options}, nil); err == nil || !strings.Contains(err.Error(), "ProviderFatalError") {
			t.Error(err)
		}
	})
}

func TestWebProvider(t *testing.T) {
	w := newWorld(t)
	options := w.options(clientKey)
	options["web"] = true
	name := w.client.open(t, options)
	for _, test := range evaluations() {
		t.Run(test.name, func(t *testing.T) {
			context := test.context
			if context == nil {
				context = object{}
			}
			w.client.Call(t, object{"call": "context", "client": name, "context": context}, nil)
			check(t, w.client.evaluate(t, name, test.flag, test.fallback, nil), test.want)
		})
	}
	t.Run("a disabled flag leaves it to the application", func(t *testing.T) {
		got := w.client.evaluate(t, name, "off_with_value", "fallback", nil)
		check(t, got, details{Value: "fallback", Reason: "DISABLED", Variant: "default", FlagMetadata: object{"source": "environment"}})
	})
}

// The provider polls with the tag of what it has, gets a 304 as long as nothing
// changed, and then what changed.
func TestWebProviderPolls(t *testing.T) {
	w := newWorld(t)
	options := w.options(clientKey)
	options["web"], options["poll_ms"], options["context"] = true, pollMS, object{"targetingKey": "bob", "country": "AT"}
	name := w.client.open(t, options)
	w.awaitAnswers(t, http.StatusNotModified, 3)
	if got := w.client.evaluate(t, name, "banner", "-", nil); got.Value != "hello" {
		t.Errorf("%+v", got)
	}
	if err := w.upstream.PutEnvironment(t.Context(), environment(second, "good bye")); err != nil {
		t.Fatal(err)
	}
	var changed []string
	w.client.Call(t, object{"call": "changed", "client": name}, &changed)
	if !slices.Equal(changed, []string{"banner"}) {
		t.Errorf("%v changed", changed)
	}
	if got := w.client.evaluate(t, name, "banner", "-", nil); got.Value != "good bye" {
		t.Errorf("%+v", got)
	}
	w.awaitAnswers(t, http.StatusNotModified, w.answers(http.StatusNotModified)+3)
	if n := w.answers(http.StatusOK); n != 2 {
		t.Errorf("%d whole answers, want one before and one after the change", n)
	}
	// Another identity is another answer, whatever tag was there before.
	w.client.Call(t, object{"call": "context", "client": name, "context": object{"targetingKey": "ada", "country": "AT"}}, nil)
	if got := w.client.evaluate(t, name, "targeted", "-", nil); got.Value != "hers" {
		t.Errorf("%+v", got)
	}
}

// A provider that does not poll learns of a change by the stream that the answer names,
// fetches the flags once, and again with the next change.
func TestWebProviderListens(t *testing.T) {
	w := newWorld(t)
	options := w.options(clientKey)
	options["web"], options["stream"], options["context"] = true, true, object{"targetingKey": "bob", "country": "AT"}
	name := w.client.open(t, options)
	streaming := func() (address string) {
		w.client.Call(t, object{"call": "streaming"}, &address)
		return address
	}
	if got, want := streaming(), w.proxy.URL+"/sse/environments/"+clientKey+"/ofrep?etag="; !strings.HasPrefix(got, want) {
		t.Errorf("listens to %s, want %s…", got, want)
	}
	change := func(updatedAt, banner string) {
		t.Helper()
		if err := w.upstream.PutEnvironment(t.Context(), environment(updatedAt, banner)); err != nil {
			t.Fatal(err)
		}
		var changed []string
		w.client.Call(t, object{"call": "changed", "client": name}, &changed)
		if !slices.Equal(changed, []string{"banner"}) {
			t.Errorf("%v changed", changed)
		}
		if got := w.client.evaluate(t, name, "banner", "-", nil); got.Value != banner {
			t.Errorf("%+v", got)
		}
	}
	change(second, "good bye")
	refetches := func() (paths []string) {
		for _, e := range w.proxy.Events() {
			if path := e.Text("path"); e.Named("uvicorn.access") && strings.HasPrefix(path, flagsPath+"?") {
				paths = append(paths, path)
			}
		}
		return paths
	}
	wait.Until(t, patience, "the request of the event", func() bool { return len(refetches()) > 0 })
	if got := refetches(); len(got) != 1 || !strings.Contains(got[0], "flagConfigEtag=") || !strings.HasSuffix(got[0], "&flagConfigLastModified=1767323046") {
		t.Errorf("requests %v", got)
	}
	if n := w.answers(http.StatusOK); n != 1 {
		t.Errorf("%d requests without an event, want the first", n)
	}
	change(third, "hello again")
}

// answers returns how often all flags were answered with a status.
func (w *world) answers(status int) (n int) {
	for _, e := range w.proxy.Events() {
		if e.Named("uvicorn.access") && e.Text("path") == flagsPath && e["status"] == float64(status) {
			n++
		}
	}
	return n
}

func (w *world) awaitAnswers(t *testing.T, status, atLeast int) {
	t.Helper()
	wait.Until(t, patience, fmt.Sprintf("%d answers with %d", atLeast, status), func() bool { return w.answers(status) >= atLeast })
}
