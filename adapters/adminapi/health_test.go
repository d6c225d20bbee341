package adminapi_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestProbes(t *testing.T) {
	p := newProxy("shop", "news")
	a := serve(t, p)
	a.get("/healthz").want(t, 200, "ok\n")
	a.get("/readyz").want(t, 200, "ok\n")
	a.get("/readyz?verbose").want(t, 200, "[+] environment shop: fresh, confirmed 3 s ago, limit 40 s\n[+] environment news: fresh, confirmed 3 s ago, limit 40 s\n[+] serving: ok\nok\n")
	a.get("/readyz/news").want(t, 200, "fresh, confirmed 3 s ago, limit 40 s\n")
	a.get("/readyz/other").want(t, 404, "does not serve")
	a.get("/readyz/"+serverKey+"shop").want(t, 404, "does not serve")
	a.do("HEAD", "/readyz", "").want(t, 200)
	a.do("POST", "/readyz", "").want(t, 401)

	p.unreachable(ports.OutcomeRefused, 82*time.Second)
	a.get("/healthz").want(t, 200, "ok\n")
	a.get("/readyz").want(t, 503, "not ready: stale\n")
	a.get("/readyz?verbose").want(t, 503, "[-] environment shop: stale, confirmed 82 s ago, limit 40 s\n", "not ready: stale\n")
	a.get("/readyz/shop").want(t, 503, "stale, confirmed 82 s ago, limit 40 s\n")

	p.status.Environments[0].State, p.status.Environments[0].Confirmed = app.EnvironmentMissing, time.Time{}
	a.get("/readyz/shop").want(t, 503, "missing, never confirmed\n")

	p.status.Readiness.State, p.status.Limit = app.NodeDraining, 0
	a.get("/readyz?verbose").want(t, 503, "[-] environment news: stale, confirmed 82 s ago\n", "[-] serving: draining\nnot ready: draining\n")
}
