package adminapi_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Whatever is asked, no answer and no line of the log holds a key, the token, or what
// was sent as an identifier or a trait.
func TestNoAnswerHasASecret(t *testing.T) {
	const identifier, trait = "ada.lovelace@example.com", "a-trait-of-ada"
	p := manyEnvironments(5)
	key := string(p.status.Environments[0].Key)
	p.unreachable(ports.OutcomeRefused, 5*time.Minute)
	a := serve(t, p, withAction, func(o *adminapi.Options) {
		o.Policy = func() adminapi.Policy { return adminapi.Policy{Token: token, Profiles: true} }
		o.Actions = append(o.Actions, adminapi.Action{Pattern: "POST /environments/{key}/act", Name: "act_on", Do: func(context.Context, *adminapi.Call) (any, error) { return nil, nil }})
	})
	secrets := []string{serverKey, token, identifier, trait}
	parts := []string{"", "/", "status", "status.json", "environments", key, serverKey + key, "document", "events", "config", "version", "readyz", "healthz", "act", "..", "%2e%2e", "%00", "debug", "pprof", "refresh", identifier, "?since=", "?verbose", "?since=" + serverKey, "?version=" + serverKey}
	methods := []string{"GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "PATCH", "get", "CONNECT"}
	names := []string{"Accept", "Authorization", "Origin", "X-Author", "Last-Event-ID", "If-None-Match", "Range", "Host", "X-Environment-Key", "Content-Type", "Sec-Fetch-Site"}
	values := []string{"text/html", "application/json", "Bearer " + token, "Bearer " + serverKey, "Basic " + token, "http://localhost:8001", "null", serverKey, key, "bytes=0-10", identifier, trait, "localhost", "same-origin", "cross-site"}
	bodies := []string{"", "{}", `{"for":"broken"}`, `{"for":"refused"}`, `{"` + serverKey + `":1}`, `{"identifier":"` + identifier + `","traits":[{"trait_key":"t","trait_value":"` + trait + `"}]}`, `{"for":`, serverKey}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	answered := map[int]int{}
	for range 10_000 {
		target := ""
		for range 1 + random.IntN(4) {
			target += "/" + pick(parts)
		}
		target = "/" + strings.TrimPrefix(strings.ReplaceAll(target, "/?", "?"), "/")
		var headers []string
		for range random.IntN(4) {
			headers = append(headers, pick(names), pick(values))
		}
		method := pick(methods)
		if strings.HasPrefix(target, "/events") || strings.Contains(target, "//") && strings.HasSuffix(target, "events") {
			headers = nil // not as a stream, which does not end
		}
		got := a.do(method, target, pick(bodies), headers...)
		answered[got.status]++
		shown := got.body + a.log.String()
		for name, values := range got.header {
			if name != "Location" { // of a path that is cleaned: what the client sent
				shown += name + strings.Join(values, "")
			}
		}
		a.log.Reset()
		for _, secret := range secrets {
			if strings.Contains(shown, secret) {
				t.Fatalf("%s %s %q shows %s: %s", method, target, headers, secret, shown)
			}
		}
	}
	if answered[200] < 500 || answered[404] < 500 || answered[401] < 50 || answered[403] < 50 {
		t.Errorf("the requests reach too little: %v", answered)
	}
}
