package adminapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
)

// withAction adds an action that takes an object with a member "for".
func withAction(o *adminapi.Options) {
	o.Actions = []adminapi.Action{{
		Pattern: "POST /act", Name: "act", Do: func(_ context.Context, call *adminapi.Call) (any, error) {
			var body struct {
				For string `json:"for"`
			}
			if err := call.Decode(&body); err != nil {
				return nil, err
			}
			switch body.For {
			case "refused":
				return nil, &adminapi.Refusal{Status: http.StatusConflict, Text: "it is not the time, " + serverKey}
			case "broken":
				return nil, errors.New("no connection with " + serverKey)
			}
			return map[string]string{"for": body.For, "author": call.Author, "reason": call.Reason}, nil
		},
	}}
}

func TestActions(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		result     adminapi.Result
		says       string // in the answer
	}{
		{"nothing sent", "", 200, adminapi.Done, `"author": "ada"`},
		{"reason", `{"for":"10m","reason":"a  drill\nof Monday"}`, 200, adminapi.Done, `"reason": "a  drillof Monday"`},
		{"refused", `{"for":"refused"}`, 409, adminapi.Refused, "it is not the time"},
		{"failed", `{"for":"broken"}`, 500, adminapi.Failed, "the log says why"},
		{"unknown member", `{"fro":"10m"}`, 400, adminapi.Refused, `unknown field \"fro\"`},
		{"wrong kind", `{"for":10}`, 400, adminapi.Refused, "for"},
		{"list", `[]`, 400, adminapi.Refused, "JSON object"},
		{"cut off", `{"for":`, 400, adminapi.Refused, "JSON object"},
		{"null", `null`, 200, adminapi.Done, ""},
		{"reason of the wrong kind", `{"reason":1}`, 200, adminapi.Done, `"reason": ""`},
		{"too large", `{"for":"` + strings.Repeat("x", 1<<20) + `"}`, 413, adminapi.Refused, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProxy("shop")
			var acted []adminapi.Result
			a := serve(t, p, withAction, func(o *adminapi.Options) { o.Acted = func(_ string, r adminapi.Result) { acted = append(acted, r) } })
			got := a.do("POST", "/act", tt.body, "Authorization", "Bearer "+token, "X-Author", "ada")
			got.want(t, tt.status, tt.says)
			if len(acted) != 1 || acted[0] != tt.result {
				t.Errorf("counted %v", acted)
			}
			events, _ := p.recent.Since(0)
			if len(events) != 1 || events[0].Kind != "admin_action" || !strings.HasPrefix(events[0].Message, "act: "+string(tt.result)+", by ada") {
				t.Errorf("events %+v", events)
			}
			line := a.log.String()
			for _, want := range []string{"level=WARN", "msg=admin_action", "action=act", "result=" + string(tt.result), "author=ada", "client=192.0.2.1:1234"} {
				if !strings.Contains(line, want) {
					t.Errorf("%q is not in the log: %s", want, line)
				}
			}
			for _, shown := range []string{got.body, line} {
				if strings.Contains(shown, serverKey) || strings.Contains(shown, token) {
					t.Errorf("a secret is in %s", shown)
				}
			}
		})
	}
}

func TestRefusedActionsLeaveNoRecord(t *testing.T) {
	p := newProxy("shop")
	a := serve(t, p, withAction)
	a.do("POST", "/act", `{"reason":"x"}`).want(t, 401, "bearer token")
	a.do("GET", "/act", "").want(t, 404, "no such page") // nothing changes by GET
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		a.do(method, "/environments/shop/other", "").want(t, 401)
		a.do(method, "/environments/shop/other", "", "Authorization", "Bearer "+token).want(t, 404, "no such action")
	}
	if events, _ := p.recent.Since(0); len(events) != 0 || a.log.Len() != 0 {
		t.Errorf("events %+v, log %s", events, a.log)
	}
}

func TestReadOnlyRemovesActions(t *testing.T) {
	p := newProxy("shop")
	readOnly := func(o *adminapi.Options) {
		o.Policy = func() adminapi.Policy { return adminapi.Policy{Token: token, ReadOnly: true} }
		o.Actions = append(o.Actions, adminapi.Action{Pattern: "POST /ask", Name: "ask", ReadsOnly: true, Do: func(_ context.Context, c *adminapi.Call) (any, error) { return string(c.Body()), nil }})
	}
	a := serve(t, p, withAction, readOnly)
	a.do("POST", "/act", "", "Authorization", "Bearer "+token).want(t, 404, "admin.read_only")
	a.do("POST", "/ask", "who", "Authorization", "Bearer "+token).want(t, 200, "who")
	a.do("POST", "/ask", "who").want(t, 401)
	if events, _ := p.recent.Since(0); len(events) != 0 {
		t.Errorf("what changes nothing was recorded: %+v", events)
	}
}

// Authors and reasons come from outside: they are kept short, on one line, and without
// keys.
func TestAuthorsAndReasonsAreTamed(t *testing.T) {
	p := newProxy("shop")
	a := serve(t, p, withAction)
	long := strings.Repeat("ä", 400)
	a.do("POST", "/act", `{"reason":"\u001b[31m`+long+" "+serverKey+`"}`, "Authorization", "Bearer "+token, "X-Author", serverKey+"\x1b[31m").want(t, 200)
	a.do("POST", "/act", "", "Authorization", "Bearer "+token).want(t, 200, `"author": "192.0.2.1:1234"`)
	events, _ := p.recent.Since(0)
	message := events[0].Message
	if len(message) > 700 || strings.ContainsAny(message, "\x1b\n") || strings.Contains(message, serverKey) || strings.Contains(a.log.String(), serverKey) {
		t.Errorf("event %q, log %s", message, a.log)
	}
}
