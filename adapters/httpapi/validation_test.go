package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValidationErrors(t *testing.T) {
	api := newAPI(t, nil)
	const (
		model = `"msg":"Input should be a valid dictionary or object to extract fields from"`
		text  = `"msg":"Input should be a valid string"`
	)
	long, cut := strings.Repeat("é", 2001), strings.Repeat("é", 509)+"…"
	for _, test := range []struct{ name, contentType, body, want string }{
		{"empty", "text/plain", ``, `[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]`},
		{"list", "", `[ ]`, `[{"type":"model_attributes_type","loc":["body"],` + model + `,"input":[]}]`},
		{"null is not a body", "", " null\n", `[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]`},
		{"null, not declared as JSON", "text/plain", `null`, `[{"type":"model_attributes_type","loc":["body"],` + model + `,"input":"null"}]`},
		{"number", "", `0`, `[{"type":"model_attributes_type","loc":["body"],` + model + `,"input":0}]`},
		{"identifier", "", `{"identifier":1.0}`, `[{"type":"string_type","loc":["body","identifier"],` + text + `,"input":1.0}]`},
		{"traits", "", `{"traits":7}`, `[{"type":"list_type","loc":["body","traits"],"msg":"Input should be a valid list","input":7}]`},
		{"trait no object", "", `{"traits":[{"trait_key":"a"},"b"]}`, `[{"type":"model_attributes_type","loc":["body","traits",1],` + model + `,"input":"b"}]`},
		{"no key", "", `{"traits":[{"trait_value": 1}]}`, `[{"type":"missing","loc":["body","traits",0,"trait_key"],"msg":"Field required","input":{"trait_value":1}}]`},
		{"long", "", `{"traits":[{"trait_key":"a","trait_value":"` + long + `"}]}`,
			`[{"type":"string_too_long","loc":["body","traits",0,"trait_value"],"msg":"String should have at most 2000 characters","input":"` + cut + `","ctx":{"max_length":2000}}]`},
		{"value", "", `{"traits":[{"trait_key":"a","trait_value":[ 1 ]}]}`,
			`[{"type":"string_type","loc":["body","traits",0,"trait_value","str"],` + text + `,"input":[1]},` +
				`{"type":"int_type","loc":["body","traits",0,"trait_value","int"],"msg":"Input should be a valid integer","input":[1]},` +
				`{"type":"float_type","loc":["body","traits",0,"trait_value","float"],"msg":"Input should be a valid number","input":[1]},` +
				`{"type":"bool_type","loc":["body","traits",0,"trait_value","bool"],"msg":"Input should be a valid boolean","input":[1]}]`},
		{"all, in the order of the model", "", `{"traits":[3,{"trait_value":"` + long + `","trait_key":null}],"identifier":false}`,
			`[{"type":"string_type","loc":["body","identifier"],` + text + `,"input":false},` +
				`{"type":"model_attributes_type","loc":["body","traits",0],` + model + `,"input":3},` +
				`{"type":"string_type","loc":["body","traits",1,"trait_key"],` + text + `,"input":null},` +
				`{"type":"string_too_long","loc":["body","traits",1,"trait_value"],"msg":"String should have at most 2000 characters","input":"` + cut + `","ctx":{"max_length":2000}}]`},
		{"the last member counts", "", `{"identifier":"a","identifier":2,"traits":[1],"traits":[]}`, `[{"type":"string_type","loc":["body","identifier"],` + text + `,"input":2}]`},
		{"form", "application/x-www-form-urlencoded", `identifier=u&traits[0]trait_value=1`,
			`[{"type":"missing","loc":["body","traits",0,"trait_key"],"msg":"Field required","input":{"trait_value":"1","transient":null}}]`},
		{"plain text", "text/plain", `{}`, `[{"type":"model_attributes_type","loc":["body"],` + model + `,"input":"{}"}]`},
		{"no JSON at all", "application/jsonx", `{}`, `[{"type":"model_attributes_type","loc":["body"],` + model + `,"input":"{}"}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, key := range []string{clientKey, "nope"} { // validation comes first
				headers := []string{"X-Environment-Key: " + key}
				if test.contentType != "" {
					headers = append(headers, "Content-Type: "+test.contentType)
				}
				want(t, ask(api, "POST", "/api/v1/identities/", test.body, headers...), 422, `{"detail":`+test.want+`}`)
			}
		})
	}
}

func TestMalformedJSON(t *testing.T) {
	api := newAPI(t, nil)
	for body, position := range map[string]float64{
		` `: 1, `{"identifier": "u"`: 18, `{"identifier": u}`: 15, `{"a":1,}`: 7, `{"é":"é" x}`: 9, `{"identifier":"a"} x`: 19, `{"traits":[1],"x":tru}`: 18,
		`{"traits":[{"trait_key":"a","trait_value":NaN}]}`: 42, `'`: 0,
		`{"traits":` + strings.Repeat("[", 100_000): 1009,
	} {
		w := ask(api, "POST", "/api/v1/identities/", body, clientHeader()...)
		var answer struct {
			Detail []struct {
				Type, Msg string
				Loc       []any
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 422 || len(answer.Detail) != 1 {
			t.Errorf("%.50q: %d %s", body, w.Code, w.Body)
			continue
		}
		d := answer.Detail[0]
		if d.Type != "json_invalid" || d.Msg != "JSON decode error" || len(d.Loc) != 2 || d.Loc[0] != "body" || d.Loc[1] != position {
			t.Errorf("%.50q: %+v, want position %v", body, d, position)
		}
	}
}

// What cannot be decoded is not a matter of validation, wherever it stands.
func TestBodiesThatAreNoUTF8(t *testing.T) {
	api := newAPI(t, nil)
	for _, body := range []string{"{\"identifier\":\"\xff\"}", "{\"identifier\":\"caf\xe9\"", "\xff\xfe{", "{\"x\":1} \x80", "{\"identifier\":\"\xed\xa0\x80\"}", "\x1f\x8b\x08\x00"} {
		want(t, ask(api, "POST", "/api/v1/identities/", body, clientHeader()...), 400, `{"detail":"There was an error parsing the body"}`)
	}
	// Undeclared as JSON it is not decoded at all.
	w := ask(api, "POST", "/api/v1/identities/", "\xff", clientHeader("Content-Type: text/plain")...)
	want(t, w, 422, `{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"�"}]}`)
}

func TestContentTypesThatAreJSON(t *testing.T) {
	api := newAPI(t, nil)
	for contentType, status := range map[string]int{
		"": 200, "application/json": 200, "application/json; charset=utf-8": 200, "APPLICATION/JSON ;x": 200, "application/vnd.api+json": 200, "application/+json": 200,
		"application": 422, "application/": 422, "application/json/x": 422, "application/x/y+json": 422, "text/json": 422, ";": 422, "application / json": 422,
	} {
		if w := ask(api, "POST", "/api/v1/identities/", `{"identifier":"u"}`, clientHeader("Content-Type: "+contentType)...); w.Code != status {
			t.Errorf("%q: %d, want %d", contentType, w.Code, status)
		}
	}
}

// A body of a megabyte can have hundreds of thousands of errors. The answer lists the
// first ones, up to its limit.
func TestAnAnswerListsTheFirstErrors(t *testing.T) {
	w := ask(newAPI(t, nil), "POST", "/api/v1/identities/", `{"traits":[`+strings.Repeat("0,", 400_000)+`0]}`, clientHeader()...)
	var answer struct{ Detail []struct{ Loc []any } }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 422 || len(answer.Detail) < 400 {
		t.Errorf("%d, %d errors, %v", w.Code, len(answer.Detail), err)
	}
	for i, d := range answer.Detail {
		if d.Loc[2] != float64(i) {
			t.Errorf("error %d is about %v", i, d.Loc)
		}
	}
}
