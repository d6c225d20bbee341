package httpapi_test

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestAccessRecords(t *testing.T) {
	start := time.Date(2026, 3, 5, 5, 6, 7, 0, time.UTC)
	var records []httpapi.AccessRecord
	ticks := -1
	api := newAPI(t, func(o *httpapi.Options) {
		o.Now = func() time.Time { ticks++; return start.Add(time.Duration(ticks) * time.Second) }
		o.Access = func(r httpapi.AccessRecord) { records = append(records, r) }
	})
	// The first answer asks for the document's age too.
	ask(api, "GET", "/api/v1/flags/", "", clientHeader()...)
	ticks, records = -1, nil
	for i, test := range []struct {
		method, target, path string
		status               int
	}{
		{"GET", "/api/v1/flags/?feature=checkout", "/api/v1/flags/?feature=checkout", 200},
		{"HEAD", "/api/v1/flags/", "/api/v1/flags/", 200},
		{"POST", "/api/v1/identities", "/api/v1/identities", 422},
		{"GET", "/nope?a=%20b", "/nope?a=%20b", 404},
		{"GET", "/api/v1/flags/?x=" + serverKey + "&y=1", "/api/v1/flags/?x=ser.…6789&y=1", 200},
		{"GET", "/api/v1/flags/?x=ser%2Esecret-0123456789&y=1", "/api/v1/flags/?x=ser.…6789&y=1", 200},
		{"GET", "/api/v1/flags/?x=a%3D%73%65%72%2esecret-0123456789&y=1", "/api/v1/flags/?x=a%3Dser.…6789&y=1", 200},
		{"GET", "/api/v1/flags/?x=%2e%73er." + serverKey[4:], "/api/v1/flags/?x=%2eser.…6789", 200},
		{"GET", "/api/v1/flags/?x=user.a/%73er%2Esecret-0123456789", "/api/v1/flags/?x=user.a/ser.…6789", 200},
		{"GET", "http://proxy.test/health", "/health", 200},
	} {
		w := ask(api, test.method, test.target, "", clientHeader()...)
		sent := int64(w.Body.Len())
		if test.method == "HEAD" { // net/http drops the body, the recorder does not
			sent = 0
		}
		want := httpapi.AccessRecord{RemoteAddr: "192.0.2.1:1234", Scheme: "http", Method: test.method, Path: test.path, Proto: "HTTP/1.1",
			Status: test.status, Bytes: sent, Start: start.Add(time.Duration(2*i) * time.Second), Duration: time.Second, Environment: clientKey}
		if len(records) != i+1 || records[i] != want {
			t.Errorf("got %+v\nwant %+v", records[i:], want)
		}
	}
}

func TestForwardedClients(t *testing.T) {
	for _, test := range []struct {
		name, trusted, peer string
		headers             []string
		address, scheme     string
	}{
		{"no headers", "127.0.0.1", "127.0.0.1:5", nil, "127.0.0.1:5", "http"},
		{"trusted", "127.0.0.1", "127.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"}, "1.2.3.4", "https"},
		{"not trusted", "127.0.0.1", "127.0.0.2:5", []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"}, "127.0.0.2:5", "http"},
		{"range", "10.0.0.0/8", "10.9.8.7:5", []string{"X-Forwarded-For: 1.2.3.4"}, "1.2.3.4", "http"},
		{"mapped", "10.0.0.0/8", "[::ffff:10.9.8.7]:5", []string{"X-Forwarded-For: 1.2.3.4"}, "1.2.3.4", "http"},
		{"v6", "fd00::/8", "[fd00::1%eth0]:5", []string{"X-Forwarded-For: [2001:db8::1]:1234"}, "2001:db8::1", "http"},
		{"v6 without a port", "fd00::/8", "[fd00::1]:5", []string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1", "http"},
		{"v6 in brackets", "fd00::/8", "[fd00::1]:5", []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1", "http"},
		{"v4 with a port", "127.0.0.1", "127.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4:99"}, "1.2.3.4", "http"},
		{"the last hop not trusted", "127.0.0.1 10.0.0.0/8", "127.0.0.1:5", []string{"X-Forwarded-For: 9.9.9.9, 1.2.3.4, 10.0.0.1 ,10.0.0.2:80"}, "1.2.3.4", "http"},
		{"all trusted", "127.0.0.1 10.0.0.0/8", "127.0.0.1:5", []string{"X-Forwarded-For: 10.0.0.1, 10.0.0.2"}, "10.0.0.1", "http"},
		{"several lines", "127.0.0.1 10.0.0.0/8", "127.0.0.1:5", []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 10.0.0.1"}, "1.2.3.4", "http"},
		{"any", "*", "8.8.8.8:5", []string{"X-Forwarded-For: 9.9.9.9, 1.2.3.4", "X-Forwarded-Proto: HTTPS"}, "9.9.9.9", "https"},
		{"any, no address", "*", "@", []string{"X-Forwarded-For: 9.9.9.9"}, "9.9.9.9", "http"},
		{"a hop that is not an address", "127.0.0.1", "127.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4, unknown, 127.0.0.1"}, "unknown", "http"},
		{"nothing in it", "127.0.0.1", "127.0.0.1:5", []string{"X-Forwarded-For: , ,", "X-Forwarded-Proto: gopher"}, "127.0.0.1:5", "http"},
		{"switched off", "", "127.0.0.1:5", []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"}, "127.0.0.1:5", "http"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got httpapi.AccessRecord
			api := newAPI(t, func(o *httpapi.Options) {
				o.TrustedPeers = peers(t, test.trusted)
				o.Access = func(r httpapi.AccessRecord) { got = r }
			})
			r := request("GET", "/health", "", test.headers...)
			r.RemoteAddr = test.peer
			serve(api, r)
			if got.RemoteAddr != test.address || got.Scheme != test.scheme {
				t.Errorf("got %s by %s, want %s by %s", got.RemoteAddr, got.Scheme, test.address, test.scheme)
			}
		})
	}
}

// peers returns the peers that a list of addresses, CIDR ranges and * names.
func peers(t *testing.T, list string) (peers httpapi.TrustedPeers) {
	t.Helper()
	for _, item := range strings.Fields(list) {
		if item == "*" {
			peers.All = true
			continue
		}
		if !strings.Contains(item, "/") {
			item += map[bool]string{true: "/128", false: "/32"}[strings.Contains(item, ":")]
		}
		network, err := netip.ParsePrefix(item)
		if err != nil {
			t.Fatal(err)
		}
		peers.Networks = append(peers.Networks, network)
	}
	return peers
}

func TestSchemeOfTLS(t *testing.T) {
	var got httpapi.AccessRecord
	api := newAPI(t, func(o *httpapi.Options) { o.Access = func(r httpapi.AccessRecord) { got = r } })
	r := request("GET", "/health", "")
	r.TLS = new(tls.ConnectionState)
	serve(api, r)
	if got.Scheme != "https" {
		t.Errorf("got %s", got.Scheme)
	}
}
