package adminapi_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// records is a store with one document, one that is damaged, or one that is away.
type records struct {
	ports.Reader
	away error
}

func (r records) List(context.Context) ([]domain.EnvironmentKey, error) {
	return []domain.EnvironmentKey{"shop", "a/b c", "damaged"}, r.away
}

func (r records) Get(_ context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	switch key {
	case "shop", "a/b c":
		return ports.Record{Key: key, Body: []byte(`{"key":"` + serverKey + `"}`), Version: "v7", UpdatedAt: now, CheckedAt: now.Add(time.Microsecond)}, r.away
	case "damaged":
		return ports.Record{}, fmt.Errorf("bolt: get: %w", ports.ErrCorrupt)
	default:
		return ports.Record{}, ports.ErrNotFound
	}
}

func TestStore(t *testing.T) {
	with := func(r records) api {
		return serve(t, newProxy("shop"), func(o *adminapi.Options) { o.Store = r })
	}
	a := with(records{})
	a.get("/store").want(t, 200, `"url": "memory:"`, `"a/b c",`, `"damaged",`, `"shop"`)
	for _, path := range []string{"/store/shop", "/store/a%2Fb%20c"} {
		got := a.get(path)
		got.want(t, 200, `{"key":"ser.…_see"}`)
		for name, want := range map[string]string{
			"X-Record-Version": "v7", "X-Record-Updated-At": "2026-03-01T12:00:00Z", "X-Record-Checked-At": "2026-03-01T12:00:00.000001Z",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
			}
		}
	}
	a.get("/store/nobody").want(t, 404, "no document under this key")
	a.get("/store/damaged").want(t, 500, "corrupt record")
	away := with(records{away: fmt.Errorf("%w: refused %s", ports.ErrUnavailable, serverKey)})
	away.get("/store").want(t, 502, "store unavailable")
	away.get("/store/shop").want(t, 502, "store unavailable: refused ser.…_see")
	a.do("POST", "/store/shop", "").want(t, 401)
	a.do("POST", "/store/shop", "", "Authorization", "Bearer "+token).want(t, 404)
	serve(t, newProxy("shop")).get("/store").want(t, 404, "no such page")
}
