package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// experiment is an environment with a split, an experiment and a dependency.
const experiment = `{"api_key":"client","name":"n","updated_at":"2026-03-04T05:06:07Z","project":{"segments":[
 {"id":1,"name":"experiment-3-rollout","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"PERCENTAGE_SPLIT","property_":"$.identity.key","value":"100.0"}]}],"feature_states":[
  {"django_id":11,"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"enabled":true,"feature_state_value":"A","metadata":{"experiment":{"id":3,"name":"Checkout","in_experiment": true}},
   "multivariate_feature_state_values":[{"id":1,"percentage_allocation":100.0,"multivariate_feature_option":{"value":"B","key":"treatment"}}]}]},
 {"id":2,"name":"needs beta","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"NOT_EQUAL","property_":"$.flags.beta.enabled","value":"true"}]}],"feature_states":[
  {"django_id":21,"feature":{"id":2,"name":"banner"},"enabled":false,"feature_state_value":null,"feature_segment":{"priority":0}}]}],"server_key_only_feature_ids":[3]},
 "feature_states":[
  {"django_id":1,"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"enabled":true,"feature_state_value":"A","metadata":{"experiment":{"id":3,"name":"Checkout","in_experiment":false}},
   "multivariate_feature_state_values":[{"id":1,"percentage_allocation":0,"multivariate_feature_option":{"value":"B","key":"treatment"}}]},
  {"django_id":2,"feature":{"id":2,"name":"banner"},"enabled":true,"feature_state_value":null},
  {"django_id":3,"feature":{"id":3,"name":"beta"},"enabled":false,"feature_state_value":null}],
 "identity_overrides":[{"identifier":"chosen","identity_features":[{"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"mine","metadata":{"experiment":{}}}]}]}`

func serving(t *testing.T, text string) *httpapi.API {
	return newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, text)) })
}

func TestVariantReasonAndMetadata(t *testing.T) {
	api := serving(t, experiment)
	const banner = `{"feature":{"id":2,"name":"banner","type":"STANDARD"},"enabled":false,"feature_state_value":null,"variant":null,"reason":"TARGETING_MATCH; segment=needs beta"}`
	want(t, ask(api, "GET", "/api/v1/identities/?identifier=u", "", clientHeader()...), 200,
		`{"identifier":"u","traits":[],"flags":[{"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"enabled":true,"feature_state_value":"B","variant":"treatment",`+
			`"reason":"SPLIT; weight=100.0","metadata":{"experiment":{"id":3,"name":"Checkout","in_experiment": true}}},`+banner+`]}`)
	want(t, ask(api, "GET", "/api/v1/identities/?identifier=chosen", "", clientHeader()...), 200,
		`{"identifier":"chosen","traits":[],"flags":[{"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"enabled":true,"feature_state_value":"mine","variant":null,`+
			`"reason":"TARGETING_MATCH; segment=identity_overrides"},`+banner+`]}`)
	want(t, ask(api, "GET", "/api/v1/flags/?feature=checkout", "", clientHeader()...), 200,
		`{"feature":{"id":1,"name":"checkout","type":"MULTIVARIATE"},"enabled":true,"feature_state_value":"A","reason":"DEFAULT"}`)
}

func TestFlagsInACycle(t *testing.T) {
	const text = `{"api_key":"client","name":"n","project":{"segments":[
	 {"id":1,"name":"s","rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"IS_NOT_SET","property_":"$.flags.a.value","value":""}]}],"feature_states":[
	  {"django_id":11,"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":"segment"}]}]},
	 "feature_states":[{"django_id":1,"feature":{"id":1,"name":"a"},"enabled":true,"feature_state_value":"own"}]}`
	e, problems := environmentWithProblems(t, clientKey, text)
	if len(problems) != 1 || problems[0].What != "flags depend on themselves: a → a" {
		t.Errorf("problems: %v", problems)
	}
	api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(e) })
	const flag = `{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":"own",`
	want(t, ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), 200, `[`+flag+`"reason":"ERROR; code=CIRCULAR_DEPENDENCY"}]`)
	want(t, ask(api, "GET", "/api/v1/identities/?identifier=u", "", clientHeader()...), 200, `{"identifier":"u","traits":[],"flags":[`+flag+`"variant":null,"reason":"ERROR; code=CIRCULAR_DEPENDENCY"}]}`)
	for _, body := range []string{`{}`, `{"context":{"targetingKey":"u"}}`} {
		want(t, ask(api, "POST", ofrepFlags+"/a", body, clientHeader()...), 200, `{"key":"a","reason":"DEFAULT","variant":"default","value":"own","metadata":{"source":"environment","circular":true}}`)
	}
}

func TestOneFeatureOfAnIdentity(t *testing.T) {
	api := newAPI(t, nil)
	const path, unknown = "/api/v1/identities/?identifier=", `{"detail":"Given feature not found"}`
	want(t, ask(api, "GET", path+"u&feature=checkout", "", clientHeader()...), 200, checkout)
	want(t, ask(api, "GET", path+"chosen&feature=checkout", "", "X-Environment-Key: "+serverKey), 200, overridden)
	want(t, ask(api, "GET", path+"u&feature=nope", "", clientHeader()...), 404, unknown)
	want(t, ask(api, "GET", path+"u&feature=server_only", "", clientHeader()...), 404, unknown)
	want(t, ask(api, "GET", path+"chosen&feature=checkout", "", clientHeader()...), 404, unknown) // the override is off, and so hidden
	want(t, ask(api, "GET", path+"u&feature=", "", clientHeader()...), 200, `{"identifier":"u","traits":[],"flags":[`+checkout+","+cafe+`]}`)
	first, other := ask(api, "GET", path+"u&feature=checkout", "", clientHeader()...), ask(api, "GET", path+"u", "", clientHeader()...)
	tag := first.Header().Get("Etag")
	if tag == "" || tag == other.Header().Get("Etag") {
		t.Errorf("one flag has the tag %q, all have %q", tag, other.Header().Get("Etag"))
	}
	if w := ask(api, "GET", path+"u&feature=checkout", "", clientHeader("If-None-Match: "+tag)...); w.Code != http.StatusNotModified {
		t.Errorf("%d for a known tag", w.Code)
	}
}

func TestServingSettingsOfTheDocument(t *testing.T) {
	const body, path = `{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}]}`, "/api/v1/identities/"
	const traits = `[{"trait_key":"plan","trait_value":"premium"}]`
	with := func(setting string) *httpapi.API {
		return serving(t, strings.Replace(document, `"api_key"`, setting+`,"api_key"`, 1))
	}
	t.Run("allow_client_traits", func(t *testing.T) {
		api := with(`"allow_client_traits":false`)
		want(t, ask(api, "POST", path, body, clientHeader()...), 200, `{"identifier":"u","traits":[],"flags":[`+checkout+","+cafe+`]}`)
		w := ask(api, "POST", path, body, "X-Environment-Key: "+serverKey)
		if !strings.HasPrefix(w.Body.String(), `{"identifier":"u","traits":`+traits+`,"flags":[`+express) {
			t.Errorf("with a server-side key: %s", w.Body)
		}
		const evaluate = ofrepFlags + "/checkout"
		w = ask(api, "POST", evaluate, `{"context":{"targetingKey":"u","plan":"premium"}}`, clientHeader()...)
		if !strings.Contains(w.Body.String(), `"classic"`) {
			t.Errorf("OFREP: %s", w.Body)
		}
	})
	t.Run("allow_client_traits is null", func(t *testing.T) {
		w := ask(with(`"allow_client_traits":null`), "POST", path, body, clientHeader()...)
		want(t, w, 200, `{"identifier":"u","traits":`+traits+`,"flags":[`+express+","+cafe+`]}`)
	})
	t.Run("hide_sensitive_data", func(t *testing.T) {
		api := with(`"hide_sensitive_data":true`)
		premium := ask(api, "POST", path, body, clientHeader()...)
		want(t, premium, 200, `{"identifier":"u","traits":[],"flags":[`+express+","+cafe+`]}`)
		other := ask(api, "POST", path, strings.Replace(body, "premium", "other", 1), clientHeader()...)
		if premium.Header().Get("Etag") == other.Header().Get("Etag") {
			t.Error("other traits have the same tag")
		}
	})
	t.Run("stop_serving_flags", func(t *testing.T) {
		text := strings.Replace(document, `"project": {`, `"project": {"organisation":{"stop_serving_flags":true},`, 1)
		e, problems := environmentWithProblems(t, clientKey, text)
		if len(problems) != 1 || problems[0].String() != "project.organisation.stop_serving_flags: the organisation is disabled from serving flags: flags are answered with 403" {
			t.Errorf("problems: %v", problems)
		}
		api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(e) })
		const stopped = `{"detail":"Organisation is disabled from serving flags."}`
		want(t, ask(api, "GET", "/api/v1/flags/", "", clientHeader()...), 403, stopped)
		want(t, ask(api, "GET", "/api/v1/flags/?feature=checkout", "", "X-Environment-Key: "+serverKey), 403, stopped)
		want(t, ask(api, "GET", path+"?identifier=u", "", clientHeader()...), 403, stopped)
		want(t, ask(api, "POST", path, body, clientHeader()...), 403, stopped)
		want(t, ask(api, "POST", ofrepFlags, `{}`, clientHeader()...), 403, `{"errorCode":"GENERAL","errorDetails":"Organisation is disabled from serving flags."}`)
		if w := ask(api, "GET", "/api/v1/environment-document", "", "X-Environment-Key: "+serverKey); w.Code != 200 {
			t.Errorf("the document is %d", w.Code)
		}
		w := ask(api, "GET", "/proxy/health/readiness", "")
		if !strings.Contains(w.Body.String(), `"reason":"1 environment(s) of organisations that are disabled from serving flags."`) {
			t.Errorf("readiness does not say it: %d %s", w.Code, w.Body)
		}
	})
}

func TestFormsOfIdentities(t *testing.T) {
	api := newAPI(t, nil)
	const form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
	flags := `,"flags":[` + checkout + "," + cafe + `]}`
	for body, answer := range map[string]string{
		"identifier=u":              `{"identifier":"u","traits":[]` + flags,
		"identifier=a+b%26&other=1": `{"identifier":"a b&","traits":[]` + flags,
		"identifier=u&traits[0]trait_key=plan&traits[0]trait_value=premium":                                                              `{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}],"flags":[` + express + "," + cafe + `]}`,
		"identifier=u&traits%5B1%5D.trait_key=b&traits%5B1%5D.trait_value=2&traits%5B0%5D%5Btrait_key%5D=a&traits%5B1%5D.transient=True": `{"identifier":"u","traits":[{"trait_key":"a","trait_value":null},{"trait_key":"b","trait_value":"2","transient":true}]` + flags,
		"identifier=u&traits[x]trait_key=plan&traits[":                                                                                   `{"identifier":"u","traits":[]` + flags,
	} {
		want(t, ask(api, "POST", "/api/v1/identities/", body, clientHeader(form)...), 200, answer)
	}
	if w := ask(api, "POST", "/api/v1/identities/", "", clientHeader(form)...); w.Code != 422 {
		t.Errorf("an empty form: %d %s", w.Code, w.Body)
	}
}

func TestCompressedIdentities(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.MaxBodyBytes = 1000 })
	post := func(plain string) (int, string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(plain))
		_ = z.Close()
		w := ask(api, "POST", "/api/v1/identities/", b.String(), clientHeader("Content-Encoding: gzip", "Content-Type: application/json")...)
		return w.Code, w.Body.String()
	}
	body := func(size int) string {
		const frame = `{"identifier":"u"}`
		return frame + strings.Repeat(" ", size-len(frame))
	}
	if status, answer := post(body(1000)); status != 200 || answer != `{"identifier":"u","traits":[],"flags":[`+checkout+","+cafe+`]}` {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := post(body(1001)); status != 413 {
		t.Errorf("above the limit: %d %s", status, answer)
	}
	if status, answer := post(strings.Repeat(" ", 900_000)); status != 413 {
		t.Errorf("a bomb: %d %s", status, answer)
	}
	for _, broken := range []string{"{}", "\x1f\x8b", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01"} {
		w := ask(api, "POST", "/api/v1/identities/", broken, clientHeader("Content-Encoding: gzip")...)
		want(t, w, 400, `{"detail":"There was an error parsing the body"}`)
	}
}

func TestTraitsAreEchoed(t *testing.T) {
	api := newAPI(t, nil)
	const path = "/api/v1/traits/"
	one := func(value string) string {
		return `{"identity":{"identifier":"u"},"trait_key":"plan","trait_value":` + value + `}`
	}
	for _, value := range []string{`"premium"`, `""`, `1.50`, `true`, `null`} {
		want(t, ask(api, "POST", path, one(value), clientHeader()...), 200, one(value))
	}
	want(t, ask(api, "POST", "/api/v1/traits", ` {"trait_value" : 7, "x":[{}], "trait_key":"plan", "identity":{"y":1,"identifier":"u"}}`, "X-Environment-Key: "+serverKey), 200, one("7"))
	want(t, ask(api, "PUT", path+"bulk/", "["+one("1")+","+one("2")+"]", clientHeader()...), 200, "["+one("1")+","+one("2")+"]")
	want(t, ask(api, "PUT", path+"bulk", "[]", clientHeader()...), 200, "[]")
	for body, answer := range map[string]string{
		`[]`:               `{"non_field_errors":["Invalid data. Expected a dictionary."]}`,
		`{}`:               `{"identity":["This field is required."]}`,
		`{"identity":"u"}`: `{"identity":["This field is required."]}`,
		`{"identity":{"identifier":"u"},"trait_value":1}`:    `{"trait_key":["This field is required."]}`,
		`{"identity":{"identifier":"u"},"trait_key":"plan"}`: `{"trait_value":["This field is required."]}`,
		one(`[1]`): `{"trait_value":["Not a valid trait value."]}`,
		one(`"` + strings.Repeat("é", 2001) + `"`): `{"trait_value":["Ensure this field has no more than 2000 characters."]}`,
	} {
		want(t, ask(api, "POST", path, body, clientHeader()...), 400, answer)
	}
	want(t, ask(api, "PUT", path+"bulk/", one("1"), clientHeader()...), 400, `{"non_field_errors":["Expected a list of items."]}`)
	if w := ask(api, "POST", path, `{"identity"`, clientHeader()...); w.Code != 422 {
		t.Errorf("malformed: %d %s", w.Code, w.Body)
	}
	if w := ask(api, "POST", path, one("1"), "X-Environment-Key: nope"); w.Code != 401 {
		t.Errorf("unknown key: %d %s", w.Code, w.Body)
	}
	if w := ask(api, "GET", path, "", clientHeader()...); w.Code != 405 {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
}
