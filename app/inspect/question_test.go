package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
)

// text is a question as one line.
func text(q inspect.Question) string {
	line := fmt.Sprintf("%q %q", q.Environment, q.Features)
	if q.Identity == nil {
		return line
	}
	line += fmt.Sprintf(" %q", q.Identity.Identifier)
	for _, t := range q.Identity.Traits {
		line += fmt.Sprintf(" %s=%s", t.Key, t.Value.AppendJSON(nil))
	}
	return line
}

func TestReadQuestion(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: `"" []`,
		`{"environment":"k","features":["a","b"],"identifier":"ada","traits":[{"trait_key":"plan","trait_value":"pro"},{"trait_value":1.50,"trait_key":"n","transient":true}]}`: `"k" ["a" "b"] "ada" plan="pro" n=1.50`,
		"\ufeff" + ` {"traits":null,"unknown":[1,{}]}`:                                 `"" [] ""`,
		`{"identifier":null}`:                                                          `"" [] ""`,
		`{"traits":[{"trait_key":"a","trait_value":null},{"trait_key":"b"}]}`:          `"" [] "" a=null b=null`,
		`{"identifier":"a","identifier":"b","traits":[{"trait_key":"x"}],"traits":[]}`: `"" [] "b"`,
	} {
		got, err := inspect.ReadQuestion(body)
		if err != nil || text(got) != want {
			t.Errorf("%s: %s, %v; want %s", body, text(got), err, want)
		}
	}
	for body, want := range map[string]string{
		``:                                "the body is not JSON",
		`{"identifier":"ada"`:             "the body is not JSON",
		`{} {}`:                           "the body is not JSON",
		`[]`:                              "the body is not an object such as",
		`null`:                            "the body is not an object such as",
		`{"identifier":7}`:                "identifier is not a text",
		`{"traits":{}}`:                   "traits is not a list",
		`{"traits":[1]}`:                  "traits[0] is not an object such as",
		`{"traits":[{"trait_value":1}]}`:  "traits[0] has no trait_key that is a text",
		`{"traits":[{"trait_key":null}]}`: "traits[0] has no trait_key that is a text",
		`{"traits":[{"trait_key":"a"},{"trait_key":"b","trait_value":[1]}]}`: "traits[1].trait_value is not a text, a number, true, false or null",
		`{"environment":1}`:    "environment is not a text",
		`{"features":"a"}`:     "features is not a list",
		`{"features":["a",2]}`: "features[1] is not a text",
	} {
		if got, err := inspect.ReadQuestion(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v; want an error with %q", body, text(got), err, want)
		}
	}
}

// The body of a request for /identities has members of its own meaning only.
func TestReadIdentity(t *testing.T) {
	id, err := inspect.ReadIdentity(`{"identifier":"ada","environment":1,"features":2,"traits":[]}`)
	if err != nil || id.Identifier != "ada" {
		t.Errorf("%+v, %v", id, err)
	}
	if id, err := inspect.ReadIdentity(`{}`); err != nil || id == nil || id.Identifier != "" {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := inspect.ReadIdentity(`{"traits":1}`); err == nil {
		t.Error("no error")
	}
}

func TestParseTrait(t *testing.T) {
	for argument, want := range map[string]domain.Trait{
		"plan=pro":           {Key: "plan", Value: domain.StringValue("pro")},
		"plan=":              {Key: "plan", Value: domain.StringValue("")},
		"a=b=c":              {Key: "a", Value: domain.StringValue("b=c")},
		"age:int=17":         {Key: "age", Value: domain.NumberValue("17")},
		"age:str=17":         {Key: "age", Value: domain.StringValue("17")},
		"age=17":             {Key: "age", Value: domain.StringValue("17")},
		"price:float=-1.5e3": {Key: "price", Value: domain.NumberValue("-1.5e3")},
		"price:float=2":      {Key: "price", Value: domain.NumberValue("2")},
		"beta:bool=true":     {Key: "beta", Value: domain.BoolValue(true)},
		"beta:bool=false":    {Key: "beta", Value: domain.BoolValue(false)},
		"urn:trait:x=1":      {Key: "urn:trait:x", Value: domain.StringValue("1")},
		"urn:trait:x:int=1":  {Key: "urn:trait:x", Value: domain.NumberValue("1")},
		":int=1":             {Key: ":int", Value: domain.StringValue("1")},
	} {
		if got, err := inspect.ParseTrait(argument); err != nil || got != want {
			t.Errorf("%s: %+v, %v", argument, got, err)
		}
	}
	for _, argument := range []string{"", "plan", "=pro", "age:int=", "age:int=1.5", "age:int=x", "age:int= 1", "age:int=[1]", "age:float=NaN", "beta:bool=True", "beta:bool=1"} {
		if got, err := inspect.ParseTrait(argument); err == nil {
			t.Errorf("%s: %+v", argument, got)
		}
	}
}

func FuzzReadQuestion(f *testing.F) {
	f.Add(`{"identifier":"ada","traits":[{"trait_key":"plan","trait_value":"pro"}],"features":["a"]}`)
	f.Fuzz(func(t *testing.T, body string) {
		q, err := inspect.ReadQuestion(body)
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
		_ = text(q)
	})
}
