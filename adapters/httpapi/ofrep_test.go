package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

const ofrepFlags = "/ofrep/v1/evaluate/flags"

// ofrepDocument has a feature for each way to come out.
const ofrepDocument = `{"api_key":"client","name":"Test","updated_at":"2026-03-04T05:06:07.891011+00:00",
 "project":{"server_key_only_feature_ids":[9],"segments":[{"id":7,"name":"premium","rules":[{"type":"ALL","rules":[],"conditions":[
  {"operator":"EQUAL","property_":"plan","value":"premium"}]}],"feature_states":[
   {"django_id":21,"feature":{"id":2,"name":"targeted"},"enabled":true,"feature_state_value":"express"},
   {"django_id":31,"feature":{"id":3,"name":"split"},"enabled":true,"feature_state_value":"premium","multivariate_feature_state_values":[
    {"id":1,"percentage_allocation":100,"multivariate_feature_option":{"key":"blue \"sky\"","value":1.50}}]},
   {"django_id":41,"feature":{"id":4,"name":"switched"},"enabled":false,"feature_state_value":"off"}]}]},
 "feature_states":[
  {"django_id":1,"feature":{"id":1,"name":"static"},"enabled":true,"feature_state_value":12345678901234567890},
  {"django_id":2,"feature":{"id":2,"name":"targeted"},"enabled":true,"feature_state_value":"classic"},
  {"django_id":3,"feature":{"id":3,"name":"split"},"enabled":true,"feature_state_value":"control","multivariate_feature_state_values":[
   {"id":5,"percentage_allocation":99.5,"multivariate_feature_option":{"value":true}},
   {"id":4,"percentage_allocation":0.5,"multivariate_feature_option":{"value":true}}]},
  {"django_id":4,"feature":{"id":4,"name":"switched"},"enabled":true,"feature_state_value":null},
  {"django_id":5,"feature":{"id":5,"name":"off"},"enabled":false,"feature_state_value":null},
  {"django_id":6,"feature":{"id":6,"name":"off with a value"},"enabled":false,"feature_state_value":5},
  {"django_id":7,"feature":{"id":7,"name":"a/b%2F?é"},"enabled":true,"feature_state_value":"{\"json\":true}"},
  {"django_id":8,"feature":{"id":8,"name":"unsplit"},"enabled":true,"feature_state_value":"plain","multivariate_feature_state_values":[
   {"id":6,"percentage_allocation":0,"multivariate_feature_option":{"value":"nobody"}}]},
  {"django_id":9,"feature":{"id":9,"name":"secret"},"enabled":true,"feature_state_value":"x"}],
 "identity_overrides":[{"identifier":"chosen","identity_features":[
  {"feature":{"id":2,"name":"targeted"},"enabled":true,"feature_state_value":"mine"}]}]}`

func newOFREP(tb testing.TB) *httpapi.API {
	return newAPI(tb, func(o *httpapi.Options) {
		o.Query.(*query).serve(environment(tb, clientKey, ofrepDocument))
		o.MaxBodyBytes = 4096
	})
}

const (
	premium  = `{"context":{"targetingKey":"u","plan":"premium"}}`
	nobody   = `{"context":{}}`
	somebody = `{"context":{"targetingKey":"u"}}`
)

func TestOFREPFlag(t *testing.T) {
	api := newOFREP(t)
	for _, test := range []struct {
		name, key, flag, body, want string
	}{
		{"static", clientKey, "static", somebody, `{"key":"static","reason":"STATIC","variant":"default","value":12345678901234567890,"metadata":{"source":"environment"}}`},
		{"default", clientKey, "targeted", somebody, `{"key":"targeted","reason":"DEFAULT","variant":"default","value":"classic","metadata":{"source":"environment"}}`},
		{"segment, client-side", clientKey, "targeted", premium, `{"key":"targeted","reason":"TARGETING_MATCH","variant":"segment-override","value":"express","metadata":{"source":"segment"}}`},
		{"segment, server-side", serverKey, "targeted", premium,
			`{"key":"targeted","reason":"TARGETING_MATCH","variant":"segment-override","value":"express","metadata":{"source":"segment","segmentId":"7","segmentName":"premium"}}`},
		{"identity", serverKey, "targeted", `{"context":{"targetingKey":"chosen","plan":"premium"}}`,
			`{"key":"targeted","reason":"TARGETING_MATCH","variant":"identity-override","value":"mine","metadata":{"source":"identity"}}`},
		{"split", clientKey, "split", somebody, `{"key":"split","reason":"SPLIT","variant":"variant-2","value":true,"metadata":{"source":"environment","weight":99.5}}`},
		{"split of a segment, by a variant with a name", serverKey, "split", premium,
			`{"key":"split","reason":"SPLIT","variant":"blue \"sky\"","value":1.50,"metadata":{"source":"segment","weight":100,"segmentId":"7","segmentName":"premium"}}`},
		{"nobody to split", clientKey, "split", nobody, `{"key":"split","reason":"DEFAULT","variant":"control","value":"control","metadata":{"source":"environment"}}`},
		{"no variant", clientKey, "unsplit", somebody, `{"key":"unsplit","reason":"STATIC","variant":"control","value":"plain","metadata":{"source":"environment"}}`},
		{"no value, on", clientKey, "switched", somebody, `{"key":"switched","reason":"DEFAULT","variant":"default","value":true,"metadata":{"source":"environment"}}`},
		{"no value, off", clientKey, "off", somebody, `{"key":"off","reason":"DISABLED","variant":"default","value":false,"metadata":{"source":"environment"}}`},
		{"off", clientKey, "off%20with%20a%20value", somebody, `{"key":"off with a value","reason":"DISABLED","variant":"default","metadata":{"source":"environment"}}`},
		{"off for a segment", clientKey, "switched", premium, `{"key":"switched","reason":"DISABLED","variant":"segment-override","metadata":{"source":"segment"}}`},
		{"odd name", clientKey, "a%2Fb%252F%3F%C3%A9", somebody, `{"key":"a/b%2F?é","reason":"STATIC","variant":"default","value":"{\"json\":true}","metadata":{"source":"environment"}}`},
		{"server-side only", serverKey, "secret", somebody, `{"key":"secret","reason":"STATIC","variant":"default","value":"x","metadata":{"source":"environment"}}`},
		{"no body", clientKey, "switched", "", `{"key":"switched","reason":"DEFAULT","variant":"default","value":true,"metadata":{"source":"environment"}}`},
		{"no context", clientKey, "switched", "{}", `{"key":"switched","reason":"DEFAULT","variant":"default","value":true,"metadata":{"source":"environment"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, slash := range []string{"", "/"} {
				w := ask(api, "POST", ofrepFlags+"/"+test.flag+slash, test.body, "X-Environment-Key: "+test.key, "Content-Type: application/json; charset=utf-8")
				want(t, w, http.StatusOK, test.want)
				wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1772600767.891011")
			}
		})
	}
}

// OFREP has values of five types: booleans, texts, integers, other numbers and
// objects. Whatever a value comes from, it arrives as the document has it, alone
// and among all.
func TestOFREPValuesKeepTheirTypes(t *testing.T) {
	for _, value := range []string{`true`, `false`, `""`, `"{\"a\":1}"`, `0`, `-12345678901234567890`, `0.10`, `1e400`,
		`{}`, `{"b":[1,{"c":null}],"a":"<é\u0000>","n":1.50}`, `{"value":{"value":{}}}`} {
		document := `{"api_key":"client","name":"Test","project":{"segments":[{"id":7,"name":"premium","rules":[{"type":"ALL","rules":[],"conditions":[
		  {"operator":"EQUAL","property_":"plan","value":"premium"}]}],"feature_states":[
		   {"django_id":11,"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":` + value + `}]}]},
		 "feature_states":[{"django_id":1,"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":` + value + `,
		  "multivariate_feature_state_values":[{"id":1,"percentage_allocation":100,"multivariate_feature_option":{"value":` + value + `}}]}],
		 "identity_overrides":[{"identifier":"chosen","identity_features":[{"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":` + value + `}]}]}`
		api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, document)) })
		for _, from := range []struct{ reason, body string }{
			{"DEFAULT", nobody}, {"SPLIT", somebody}, {"TARGETING_MATCH", premium}, {"TARGETING_MATCH", `{"context":{"targetingKey":"chosen"}}`},
		} {
			one := ask(api, "POST", ofrepFlags+"/a", from.body, clientHeader()...)
			got := one.Body.String()
			if one.Code != http.StatusOK || !strings.Contains(got, `"reason":"`+from.reason+`",`) || !strings.Contains(got, `,"value":`+value+`,"metadata":`) {
				t.Errorf("%s by %s: %d %s", value, from.reason, one.Code, got)
			}
			want(t, ask(api, "POST", ofrepFlags, from.body, clientHeader()...), http.StatusOK, `{"flags":[`+got+`]}`)
		}
	}
}

func TestOFREPFlags(t *testing.T) {
	api := newOFREP(t)
	const tail = `,"metadata":{"version":"2026-03-04T05:06:07.891011Z"}}`
	for _, test := range []struct{ key, body string }{
		{clientKey, premium}, {serverKey, premium}, {clientKey, nobody}, {serverKey, somebody}, {clientKey, ""}, {clientKey, `{"context":null}`},
	} {
		var flags []string
		for _, flag := range []string{"static", "targeted", "split", "switched", "off", "off%20with%20a%20value", "a%2Fb%252F%3F%C3%A9", "unsplit", "secret"} {
			w := ask(api, "POST", ofrepFlags+"/"+flag, test.body, "X-Environment-Key: "+test.key)
			if w.Code == http.StatusOK {
				flags = append(flags, w.Body.String())
			} else if flag != "secret" || test.key != clientKey {
				t.Errorf("%s: %d %s", flag, w.Code, w.Body)
			}
		}
		for _, slash := range []string{"", "/"} {
			w := ask(api, "POST", ofrepFlags+slash, test.body, "X-Environment-Key: "+test.key)
			want(t, w, http.StatusOK, `{"flags":[`+strings.Join(flags, ",")+`]`+tail)
		}
	}
	none := newAPI(t, func(o *httpapi.Options) {
		o.Query.(*query).serve(environment(t, clientKey, `{"api_key":"client","name":"x","feature_states":[],"project":{"segments":[]}}`))
	})
	want(t, ask(none, "POST", ofrepFlags, somebody, clientHeader()...), http.StatusOK, `{"flags":[]}`)
}

func TestOFREPContexts(t *testing.T) {
	api := newOFREP(t)
	const (
		isPremium = `"segment-override"`
		isNot     = `"default"`
		isChosen  = `"identity-override"`
	)
	for _, test := range []struct{ name, body, variant string }{
		{"attribute", `{"context":{"plan":"premium","targetingKey":"u"}}`, isPremium},
		{"no targeting key", `{"context":{"plan":"premium"}}`, isPremium},
		{"blank targeting key", `{"context":{"plan":"premium","targetingKey":" "}}`, isPremium},
		{"null targeting key", `{"context":{"plan":"premium","targetingKey":null}}`, isPremium},
		{"another value", `{"context":{"plan":"gold","targetingKey":"u"}}`, isNot},
		{"null", `{"context":{"plan":null,"targetingKey":"u"}}`, isNot},
		{"the last counts", `{"context":{"plan":"premium","plan":"gold","targetingKey":"chosen","targetingKey":"u"}}`, isNot},
		{"the last context counts", `{"context":{"plan":"premium","targetingKey":"chosen"},"context":{"targetingKey":"u"}}`, isNot},
		{"lists and objects are ignored", `{"context":{"targetingKey":"u","plan":["premium"],"x":{"plan":"premium"}}}`, isNot},
		{"a list called traits", `{"context":{"targetingKey":"u","traits":[{"plan":"premium"}]}}`, isNot},
		{"traits", `{"context":{"targetingKey":"u","traits":{"plan":"premium"}}}`, isPremium},
		{"no deeper traits", `{"context":{"targetingKey":"u","traits":{"traits":{"plan":"premium"},"plan2":{}}}}`, isNot},
		{"targetingKey in traits is a trait", `{"context":{"targetingKey":"chosen","traits":{"targetingKey":"u"}}}`, isChosen},
		{"other members", `{"a":{"targetingKey":"chosen"},"context":{"targetingKey":"chosen"},"z":[1]}`, isChosen},
		{"byte order mark", "\ufeff" + premium, isPremium},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(api, "POST", ofrepFlags+"/targeted", test.body, clientHeader()...)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"variant":`+test.variant) {
				t.Errorf("%d %s, want the variant %s", w.Code, w.Body, test.variant)
			}
		})
	}
}

func TestOFREPKeys(t *testing.T) {
	api := newOFREP(t)
	for _, test := range []struct {
		name    string
		headers []string
		secret  bool // seen with server-side keys
		status  int
	}{
		{"X-Environment-Key", []string{"X-Environment-Key: " + serverKey}, true, 200},
		{"X-API-Key", []string{"X-API-Key: " + serverKey}, true, 200},
		{"bearer", []string{"Authorization: Bearer " + serverKey}, true, 200},
		{"bearer in small letters", []string{"Authorization: bearer  " + clientKey}, false, 200},
		{"no scheme", []string{"Authorization: " + serverKey}, true, 200},
		{"another scheme before", []string{"Authorization: Basic eDp5", "Authorization: Bearer " + clientKey}, false, 200},
		{"the first of all", []string{"X-Environment-Key: " + clientKey, "X-API-Key: " + serverKey, "Authorization: Bearer x"}, false, 200},
		{"X-API-Key before bearer", []string{"X-API-Key: " + clientKey, "Authorization: Bearer " + serverKey}, false, 200},
		{"none", nil, false, 401},
		{"another scheme", []string{"Authorization: Basic eDp5"}, false, 401},
		{"empty", []string{"X-Environment-Key:"}, false, 401},
		{"nothing in it", []string{"Authorization:"}, false, 401},
		{"nothing behind the scheme", []string{"Authorization: Bearer "}, false, 401},
		{"unknown", []string{"Authorization: Bearer ser.someone-elses"}, false, 401},
		{"document not there", []string{"X-API-Key: " + emptySer}, false, 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(api, "POST", ofrepFlags, somebody, test.headers...)
			if w.Code != test.status || strings.Contains(w.Body.String(), `"secret"`) != test.secret || strings.Contains(w.Body.String(), "someone") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if wait := w.Header().Get("Retry-After"); (wait != "") != (test.status == 503) {
				t.Errorf("Retry-After %q", wait)
			}
		})
	}
	// Nothing else takes keys from there.
	if w := ask(api, "GET", "/api/v1/flags/", "", "X-API-Key: "+clientKey, "Authorization: Bearer "+clientKey); w.Code != 401 {
		t.Errorf("GET flags: %d", w.Code)
	}
}

func TestOFREPErrors(t *testing.T) {
	api := newOFREP(t)
	for _, test := range []struct {
		name, method, target, body, contentType string
		status                                  int
		want                                    string
	}{
		{"not JSON", "POST", "/static", `{"context":`, "", 400, `{"key":"static","errorCode":"PARSE_ERROR","errorDetails":"invalid JSON: expected a value, the text is cut off at byte 11"}`},
		{"not JSON, all", "POST", "", `{]`, "", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"invalid JSON: expected a string at byte 1"}`},
		{"wrong context, not JSON", "POST", "", `{"context":1,`, "", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"invalid JSON: expected a string, the text is cut off at byte 13"}`},
		{"no object", "POST", "", `[]`, "", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"the body must be an object"}`},
		{"declared as text", "POST", "", somebody, "text/plain", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"send the body with Content-Type: application/json"}`},
		{"context is not an object", "POST", "/static", `{"context":[{}]}`, "", 400, `{"key":"static","errorCode":"INVALID_CONTEXT","errorDetails":"context must be an object"}`},
		{"targetingKey is not a string", "POST", "/static", `{"context":{"targetingKey":7}}`, "", 400, `{"key":"static","errorCode":"INVALID_CONTEXT","errorDetails":"targetingKey must be a string"}`},
		{"long attribute", "POST", "", `{"context":{"a\"b":"` + strings.Repeat("é", 2001) + `"}}`, "", 400, `{"errorCode":"INVALID_CONTEXT","errorDetails":"attribute a\"b has more than 2000 characters"}`},
		{"unknown", "POST", "/n%C3%B6pe%22", somebody, "", 404, `{"key":"nöpe\"","errorCode":"FLAG_NOT_FOUND","errorDetails":"flag not found"}`},
		{"unknown, no UTF-8", "POST", "/a%FF", somebody, "", 404, `{"key":"a` + "\uFFFD" + `","errorCode":"FLAG_NOT_FOUND","errorDetails":"flag not found"}`},
		{"hidden", "POST", "/secret", somebody, "", 404, `{"key":"secret","errorCode":"FLAG_NOT_FOUND","errorDetails":"flag not found"}`},
		{"context before flag", "POST", "/nope", `{"context":1}`, "", 400, `{"key":"nope","errorCode":"INVALID_CONTEXT","errorDetails":"context must be an object"}`},
		{"wrong method", "GET", "", "", "", 405, `{"errorCode":"GENERAL","errorDetails":"Method Not Allowed"}`},
		{"wrong method for a flag", "PUT", "/static", "", "", 405, `{"key":"static","errorCode":"GENERAL","errorDetails":"Method Not Allowed"}`},
		{"a method of no endpoint", "TRACE", "/static", "", "", 405, `{"key":"static","errorCode":"GENERAL","errorDetails":"Method Not Allowed"}`},
		{"a method of no endpoint, with a slash", "TRACE", "/static/", "", "", 405, `{"key":"static","errorCode":"GENERAL","errorDetails":"Method Not Allowed"}`},
		{"unknown path", "POST", "/a/b", somebody, "", 404, `{"key":"a/b","errorCode":"GENERAL","errorDetails":"Not Found"}`},
		{"too large", "POST", "/static", strings.Repeat(" ", 4097), "", 413, `{"key":"static","errorCode":"GENERAL","errorDetails":"Request Entity Too Large"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			headers := clientHeader()
			if test.contentType != "" {
				headers = append(headers, "Content-Type: "+test.contentType)
			}
			w := ask(api, test.method, ofrepFlags+test.target, test.body, headers...)
			want(t, w, test.status, test.want)
			if allow := w.Header().Get("Allow"); (allow == "POST") != (test.status == 405) {
				t.Errorf("Allow %q", allow)
			}
		})
	}
	want(t, ask(api, "POST", "/ofrep/v1/configuration", "", clientHeader()...), 404, `{"errorCode":"GENERAL","errorDetails":"Not Found"}`)
	broken := newAPI(t, func(o *httpapi.Options) { o.Query = &faulty{with: "broken"} })
	want(t, ask(broken, "POST", ofrepFlags+"/x", somebody, clientHeader()...), 500, `{"key":"x","errorCode":"GENERAL","errorDetails":"Internal Server Error"}`)
}

func TestOFREPIsNotModifiedForTheSameContextOnly(t *testing.T) {
	var q *query
	api := newAPI(t, func(o *httpapi.Options) { q = o.Query.(*query) })
	q.serve(environment(t, clientKey, ofrepDocument))
	post := func(body, key, tag string) *httptest.ResponseRecorder {
		return ask(api, "POST", ofrepFlags, body, "X-Environment-Key: "+key, "If-None-Match: "+tag, "Origin: https://a.test")
	}
	for _, body := range []string{premium, nobody, somebody} {
		for _, key := range []string{clientKey, serverKey} {
			first := post(body, key, `""`)
			tag := first.Header().Get("ETag")
			if first.Code != http.StatusOK || !strongTag.MatchString(tag) {
				t.Fatalf("%d with ETag %s", first.Code, tag)
			}
			for _, named := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				w := post(body, key, named)
				wantUnmodified(t, named, w.Code, w.Body.String(), w.Header(), tag)
			}
			for _, other := range []string{premium, nobody, somebody} {
				for _, otherKey := range []string{clientKey, serverKey} {
					if w := post(other, otherKey, tag); (w.Code == http.StatusNotModified) != (other == body && otherKey == key) {
						t.Errorf("%s with the tag of %s: %d", other, body, w.Code)
					}
				}
			}
		}
	}
	tag := post(premium, clientKey, `""`).Header().Get("ETag")
	q.serve(environment(t, clientKey, strings.Replace(ofrepDocument, "express", "new", 1)))
	if w := post(premium, clientKey, tag); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"new"`) {
		t.Errorf("a new document: %d %s", w.Code, w.Body)
	}
}

// ofrepEvaluation is a flag of an OFREP answer.
type ofrepEvaluation struct {
	Key, Reason, Variant string
	Value                json.RawMessage
	Metadata             map[string]any
}

// FuzzOFREPBody sends arbitrary bodies: the answer is JSON whatever comes, says
// the same about one flag as about all, and agrees with what the Flagsmith API
// answers about the identity that encoding/json finds in the body.
func FuzzOFREPBody(f *testing.F) {
	for _, seed := range []string{
		premium, nobody, somebody, `{"context":{"traits":{"plan":"premium","n":1e400},"targetingKey":" "}}`, `{"context":{"targetingKey":[]}}`,
		`{"context":null,"context":{"":null,"targetingKey":"\ud83d\ude42\u0000"}}`, `[`, ``, "\ufeff{}", "\xff", `{"context":{"plan":{}}} x`,
	} {
		f.Add([]byte(seed))
	}
	api := newOFREP(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		all := ask(api, "POST", ofrepFlags, string(body), clientHeader()...)
		if !json.Valid(all.Body.Bytes()) || !utf8.Valid(all.Body.Bytes()) {
			t.Fatalf("not JSON: %q", all.Body)
		}
		one := ask(api, "POST", ofrepFlags+"/targeted", string(body), clientHeader()...)
		if one.Code != all.Code {
			t.Fatalf("%d for all flags, %d for one", all.Code, one.Code)
		}
		switch all.Code {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			var answer struct{ ErrorCode, ErrorDetails string }
			if err := json.Unmarshal(all.Body.Bytes(), &answer); err != nil || answer.ErrorCode == "" || answer.ErrorDetails == "" {
				t.Fatalf("%v: %s", err, all.Body)
			}
			return
		default:
			t.Fatalf("%d %s", all.Code, all.Body)
		}
		var answer struct{ Flags []ofrepEvaluation }
		var single ofrepEvaluation
		if err := json.Unmarshal(all.Body.Bytes(), &answer); err != nil || len(answer.Flags) != 8 {
			t.Fatalf("%v: %s", err, all.Body)
		}
		if err := json.Unmarshal(one.Body.Bytes(), &single); err != nil || !reflect.DeepEqual(single, answer.Flags[1]) {
			t.Fatalf("%v: %s\nof %s", err, one.Body, all.Body)
		}
		var sent map[string]json.RawMessage // encoding/json takes ConteXt for a field called Context
		var context map[string]any
		_ = json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &sent) // an empty body is an empty context
		if err := json.Unmarshal(sent["context"], &context); err != nil && sent["context"] != nil {
			return // numbers that a float64 cannot hold
		}
		identifier, _ := context["targetingKey"].(string)
		plan, _ := context["plan"].(string)
		blank := strings.TrimFunc(identifier, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }) == ""
		if _, more := context["traits"].(map[string]any); blank || more {
			return
		}
		identity, err := json.Marshal(map[string]any{"identifier": identifier, "traits": []any{map[string]any{"trait_key": "plan", "trait_value": plan}}})
		if err != nil {
			t.Fatal(err)
		}
		w := ask(api, "POST", "/api/v1/identities/", string(identity), clientHeader()...)
		var flagsmith struct {
			Flags []struct {
				Feature struct{ Name string }
				Enabled bool
				Value   json.RawMessage `json:"feature_state_value"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &flagsmith); err != nil || len(flagsmith.Flags) != len(answer.Flags) {
			t.Fatalf("%v: %s", err, w.Body)
		}
		for i, flag := range flagsmith.Flags {
			got := answer.Flags[i]
			value := string(flag.Value)
			switch {
			case value == "null" && flag.Enabled:
				value = "true"
			case value == "null":
				value = "false"
			case !flag.Enabled:
				value = ""
			}
			if got.Key != flag.Feature.Name || string(got.Value) != value || (got.Reason == "DISABLED") == flag.Enabled {
				t.Fatalf("%s\nbut %s", all.Body, w.Body)
			}
		}
	})
}
