package inprocess

import (
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// BenchmarkParallel measures the throughput of the whole handler. With -cpu 1,2,
// the second processor should nearly double it.
func BenchmarkParallel(b *testing.B) {
	h, err := newHandler(profile.Document(profile.Default()))
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []struct{ name, method, target, key, body string }{
		{"flags", http.MethodGet, "/api/v1/flags/", clientKey, ""},
		{"feature", http.MethodGet, "/api/v1/flags/?feature=feature_007", clientKey, ""},
		{"document", http.MethodGet, "/api/v1/environment-document", serverKey, ""},
		{"identities", http.MethodPost, "/api/v1/identities/", clientKey, profile.IdentityBody("user")},
		{"identity-get", http.MethodGet, "/api/v1/identities/?identifier=user", clientKey, ""},
	} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c, err := newClient(h, kind.method, kind.target, kind.key, kind.body)
				if err != nil {
					b.Error(err)
					return
				}
				for pb.Next() {
					if status := c.ask(); status != http.StatusOK {
						b.Errorf("status %d", status)
						return
					}
				}
			})
		})
	}
}
