package adminapi_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
)

func TestProfilesAreOffByDefault(t *testing.T) {
	a := serve(t, newProxy("shop"))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile"} {
		a.get(path).want(t, 404, "admin.pprof")
	}
}

func TestProfiles(t *testing.T) {
	clock := now
	a := serve(t, newProxy("shop"), func(o *adminapi.Options) {
		o.Policy = func() adminapi.Policy { return adminapi.Policy{Profiles: true} }
		o.Now = func() time.Time { return clock }
	})
	a.get("/debug/pprof/").want(t, 200, "goroutine")
	for query, want := range map[string]int{"seconds=61": 400, "seconds=NaN": 400, "seconds=Inf": 400, "seconds=x": 400, "seconds=1e9": 400} {
		a.get("/debug/pprof/profile?"+query).want(t, want, "seconds")
	}
	a.get("/debug/pprof/cmdline").want(t, 404)
	a.get("/debug/pprof/symbol").want(t, 404)
	a.get("/debug/pprof/heap").want(t, 200)
	if again := a.get("/debug/pprof/heap"); again.status != 429 || again.header.Get("Retry-After") != "5" {
		t.Errorf("one after the other: %d %v", again.status, again.header)
	}
	clock = clock.Add(5 * time.Second)
	a.get("/debug/pprof/other").want(t, 404)
	clock = clock.Add(5 * time.Second)
	a.get("/debug/pprof/goroutine?debug=1").want(t, 200, "goroutine profile")
}
