package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestIdentities(t *testing.T) {
	api := newAPI(t, nil)
	flags := `"flags":[` + checkout + "," + cafe + `]}`
	for _, test := range []struct{ name, key, body, want string }{
		{"no traits", clientKey, `{"identifier":"u"}`, `{"identifier":"u","traits":[],` + flags},
		{"segment", clientKey, ` { "traits" : [ { "trait_value":"premium", "trait_key" : "plan" } ] , "identifier" : "u" } `,
			`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}],"flags":[` + express + "," + cafe + `]}`},
		{"override, hidden as it is disabled", clientKey, `{"identifier":"chosen"}`, `{"identifier":"chosen","traits":[],"flags":[` + cafe + `]}`},
		{"override, server-side key", serverKey, `{"identifier":"chosen"}`,
			`{"identifier":"chosen","traits":[],"flags":[` + strings.Join([]string{overridden, cafe, serverOnly, off}, ",") + `]}`},
		{"traits come back in order and as often as sent, numbers as sent", clientKey,
			`{"identifier":"u","traits":[{"trait_key":"b","trait_value":-0.0},{"trait_key":"a","trait_value":1e+21},{"trait_key":"c","trait_value":12345678901234567890123},{"trait_key":"a","trait_value":true},{"trait_key":"n","trait_value":null},{"trait_key":"m"}]}`,
			`{"identifier":"u","traits":[{"trait_key":"b","trait_value":-0.0},{"trait_key":"a","trait_value":1e+21},{"trait_key":"c","trait_value":12345678901234567890123},{"trait_key":"a","trait_value":true},{"trait_key":"n","trait_value":null},{"trait_key":"m","trait_value":null}],` + flags},
		{"null stands for nothing", clientKey, `{"identifier":"u","traits":null,"transient":null}`, `{"identifier":"u","traits":[],` + flags},
		{"transient traits come back as such", clientKey, `{"identifier":"u","traits":[{"trait_key":"a","trait_value":1e+21,"transient":true},{"trait_key":"b","transient":false,"trait_value":2},{"trait_key":"c","trait_value":3,"transient":null}]}`,
			`{"identifier":"u","traits":[{"trait_key":"a","trait_value":1e+21,"transient":true},{"trait_key":"b","trait_value":2,"transient":false},{"trait_key":"c","trait_value":3}],` + flags},
		{"other members are dropped", clientKey, `{"identifier":"u","transient":true,"x":{"y":[1]},"traits":[{"trait_key":"a","trait_value":"","transient":5}]}`,
			`{"identifier":"u","traits":[{"trait_key":"a","trait_value":""}],` + flags},
		{"the last member counts", clientKey, `{"identifier":1,"identifier":"u","traits":7,"traits":[{"trait_key":1,"trait_key":"a","trait_value":[],"trait_value":2}]}`,
			`{"identifier":"u","traits":[{"trait_key":"a","trait_value":2}],` + flags},
		{"only what must be is escaped", clientKey, `{"identifier":"\u65e5\ud83d\ude42 <&>\u2028\"\\\n\u0001"}`,
			`{"identifier":"日🙂 <&>` + "\u2028" + `\"\\\n\u0001","traits":[],` + flags},
		{"byte order mark", clientKey, "\ufeff" + `{"identifier":"u"}`, `{"identifier":"u","traits":[],` + flags},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 3 { // what is reused must leave nothing behind
				w := ask(api, "POST", "/api/v1/identities/", test.body, "X-Environment-Key: "+test.key, "Content-Type: application/json")
				want(t, w, 200, test.want)
				wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1772600767.891011")
			}
		})
	}
}

func TestIdentitiesByGET(t *testing.T) {
	api := newAPI(t, nil)
	flags := `","traits":[],"flags":[` + checkout + "," + cafe + `]}`
	for query, identifier := range map[string]string{
		"?identifier=u": "u", "?identifier=": "", "?identifier": "", "?identifier=+%20": "  ", "?identifier=a&identifier=b": "b",
		"?identifier=a%2Bb;c": "a+b;c", "?identifier=007": "007", "?identifier=%22": `\"`,
	} {
		want(t, ask(api, "GET", "/api/v1/identities/"+query, "", clientHeader()...), 200, `{"identifier":"`+identifier+flags)
	}
	w := ask(api, "GET", "/api/v1/identities/?Identifier=x", "", "X-Environment-Key: nope")
	want(t, w, 422, `{"detail":[{"type":"missing","loc":["query","identifier"],"msg":"Field required","input":null}]}`)
}

func TestTransientIdentifiers(t *testing.T) {
	api := newAPI(t, nil)
	identifier := func(body string) string {
		w := ask(api, "POST", "/api/v1/identities/", body, clientHeader()...)
		var answer struct{ Identifier string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return answer.Identifier
	}
	const traits = `"traits":[{"trait_key":"plan","trait_value":"premium"},{"trait_key":"age","trait_value":30}]`
	for _, test := range []struct{ name, body, want string }{
		// Hashes of what Python makes of the keys and values.
		{"absent", `{` + traits + `}`, "aadf85bcffe6afac82fba33c4fb8b7b989c60873bb6e063529a0f1ab2a66f72d"}, // age30planpremium
		{"null", `{"identifier":null,` + traits + `}`, "aadf85bcffe6afac82fba33c4fb8b7b989c60873bb6e063529a0f1ab2a66f72d"},
		{"blank", `{"identifier":" \t\u00a0\u2003\u001f",` + traits + `}`, "aadf85bcffe6afac82fba33c4fb8b7b989c60873bb6e063529a0f1ab2a66f72d"},
		// axb1b2
		{"every item of a key counts", `{"traits":[{"trait_key":"b","trait_value":1},{"trait_key":"a","trait_value":"x"},{"trait_key":"b","trait_value":2}]}`,
			"487f33a9346ffae813dd95b9f5839912fcd6f476aee0aed93ea6bd2a347998a3"},
		{"null is left out", `{"traits":[{"trait_key":"a"},{"trait_key":"plan","trait_value":"premium"},{"trait_key":"age","trait_value":30}]}`,
			"aadf85bcffe6afac82fba33c4fb8b7b989c60873bb6e063529a0f1ab2a66f72d"},
		// The hash of nothing.
		{"nothing but null", `{"traits":[{"trait_key":"a","trait_value":null}]}`, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"the last of a key is null", `{"traits":[{"trait_key":"a","trait_value":1},{"trait_key":"a"}]}`, "f55ff16f66f43360266b95db6f8fec01d76031054306ae4a4b380598f6cfd114"}, // a1
		{"texts and booleans", `{"traits":[{"trait_key":"b","trait_value":true},{"trait_key":"a","trait_value":false},{"trait_key":"é","trait_value":"ü"}]}`, "4d20dd3ffa5a53d3982010d72fda5a76d34f2f859ac3cb87b103ef229dcb76fe"},
		{"integers", `{"traits":[{"trait_key":"a","trait_value":-0},{"trait_key":"b","trait_value":123456789012345678901234567890}]}`, "19f57d970b94482e34577d76a4bcda23ee574ddf83eb6bdfd10b17972b42c938"},
		{"floats", `{"traits":[{"trait_key":"a","trait_value":1.50},{"trait_key":"b","trait_value":1e16},{"trait_key":"c","trait_value":1e15},{"trait_key":"d","trait_value":0.00001},{"trait_key":"e","trait_value":1E2},{"trait_key":"f","trait_value":-0.0},{"trait_key":"g","trait_value":0.1e-3},{"trait_key":"h","trait_value":1e999},{"trait_key":"i","trait_value":-1e999},{"trait_key":"j","trait_value":1.7976931348623157e308},{"trait_key":"k","trait_value":5e-324},{"trait_key":"l","trait_value":123456789.123456789}]}`, "7d2f744a7a3ddb01d41c18de715360b13e7fd7fe4d3cd7ccc646e66de387f3a9"},
		{"keys sort by character", `{"traits":[{"trait_key":"🙂","trait_value":1},{"trait_key":"￮","trait_value":2},{"trait_key":"Z","trait_value":3},{"trait_key":"a","trait_value":4},{"trait_key":"","trait_value":5}]}`, "3b8f08a85c8cdcc75a02e2c6bd960139feb7914805f29517eda4fe3ebf0f9d64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := identifier(test.body); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	random := regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`)
	first, second := identifier(`{}`), identifier(`{"identifier":" ","traits":[]}`)
	if !random.MatchString(first) || !random.MatchString(second) || first == second {
		t.Errorf("got %s and %s, want two random UUIDs", first, second)
	}
	if got := identifier(`{"identifier":" x "}`); got != " x " {
		t.Errorf("an identifier with blanks around became %q", got)
	}
}

func TestBodyLimit(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.MaxBodyBytes = 40 })
	fits := `{"identifier":"u","traits":[]}          `
	for _, test := range []struct {
		name, body string
		chunked    bool
		status     int
	}{
		{"fits", fits, false, 200},
		{"fits, length unknown", fits, true, 200},
		{"too large", fits + " ", false, 413},
		{"too large, length unknown", fits + " ", true, 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request("POST", "/api/v1/identities/", test.body, clientHeader()...)
			if test.chunked {
				r.ContentLength, r.Body = -1, io.NopCloser(iotest.OneByteReader(strings.NewReader(test.body)))
			}
			w := serve(api, r)
			if w.Code != test.status {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if test.status == 413 {
				want(t, w, 413, `{"detail":"Request Entity Too Large"}`)
				wantHeader(t, w, "Connection", "close")
			}
		})
	}
}

func TestLargeBodies(t *testing.T) {
	api := newAPI(t, nil)
	var b strings.Builder
	b.WriteString(`{"identifier":"u","traits":[`)
	for b.Len() < 600_000 {
		fmt.Fprintf(&b, `{"trait_key":"key %d","trait_value":"%s"},`, b.Len(), strings.Repeat("v", 1900))
	}
	b.WriteString(`{"trait_key":"plan","trait_value":"premium"}]`)
	w := ask(api, "POST", "/api/v1/identities/", b.String()+"}", clientHeader()...)
	want(t, w, 200, b.String()+`,"flags":[`+express+","+cafe+`]}`)
}

func TestBodiesThatBreakOff(t *testing.T) {
	api := newAPI(t, nil)
	for _, test := range []struct {
		err    error
		status int
		body   string
	}{
		{io.ErrUnexpectedEOF, 400, `{"detail":"There was an error parsing the body"}`},
		{iotest.ErrTimeout, 400, `{"detail":"There was an error parsing the body"}`},
	} {
		r := request("POST", "/api/v1/identities/", "x", clientHeader()...)
		r.Body = io.NopCloser(iotest.ErrReader(test.err))
		want(t, serve(api, r), test.status, test.body)
	}
}
