package adminapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// operator is an Operator that fails as a test wants it to.
type operator struct {
	err   error
	asked []string
}

func (o *operator) AcceptDocument(_ context.Context, key domain.EnvironmentKey) (string, error) {
	o.asked = append(o.asked, "accept "+string(key))
	return "abc123", o.err
}

// withMeasures adds the measures of o.
func withMeasures(o *operator) func(*adminapi.Options) {
	return func(options *adminapi.Options) { options.Actions = adminapi.Measures(o) }
}

func TestAccept(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		err        error
		status     int
		says       string
	}{
		{"accepted", `{"reason":"archived on purpose"}`, nil, 200, `"accepted": "abc123"`},
		{"no body", "", nil, 200, `"environment": "shop"`},
		{"unknown member", `{"document":"x"}`, nil, 400, "unknown field"},
		{"nothing held back", "", app.ErrNothingHeldBack, 409, "no document of this environment is held back"},
		{"unknown environment", "", app.ErrUnknownEnvironment, 404, "/status.json lists"},
		{"a race", "", ports.ErrConflict, 409, "try again"},
		{"the store is away", "", ports.ErrUnavailable, 503, "the store does not answer"},
		{"another failure", "", errors.New("no disk for " + serverKey), 500, "the log says why"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &operator{err: tt.err}
			a := serve(t, newProxy("shop"), withMeasures(o))
			a.do("POST", "/environments/shop/accept", tt.body, "Authorization", "Bearer "+token).want(t, tt.status, tt.says)
			if log := a.log.String(); !strings.Contains(log, "admin_action action=accept") || !strings.Contains(log, "client_side_key=shop") || strings.Contains(log, serverKey) {
				t.Errorf("logged: %s", log)
			}
			asked := len(o.asked)
			a.do("POST", "/environments/shop/accept", tt.body).want(t, 401)
			a.get("/environments/shop/accept").want(t, 404)
			if len(o.asked) != asked {
				t.Errorf("asked without the token: %v", o.asked)
			}
		})
	}
}
