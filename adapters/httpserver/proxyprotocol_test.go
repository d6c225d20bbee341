package httpserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// remote answers with the address of the client.
var remote = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.RemoteAddr, r.Method, body)
})

func header(t *testing.T, version byte, command proxyproto.ProtocolVersionAndCommand, source string) string {
	t.Helper()
	client := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source))
	h := proxyproto.HeaderProxyFromAddrs(version, client, &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 443})
	if client.IP.To4() == nil {
		h.DestinationAddr = &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 443}
	}
	h.Command = command
	var text bytes.Buffer
	if _, err := h.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func onlyFrom(prefix string) func(netip.Addr) bool {
	return netip.MustParsePrefix(prefix).Contains
}

// A listed peer names its client, in both versions of the protocol, on both ports, for
// every request of a connection.
func TestProxyProtocol(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.ProxyProtocolFrom = onlyFrom("127.0.0.0/8")
		s := start(t, remote, o)
		const (
			post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
			long = "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n"
		)
		for _, test := range []struct{ name, header, client string }{
			{"version 1", header(t, 1, proxyproto.PROXY, "203.0.113.7:1234"), "203.0.113.7:1234"},
			{"version 1, IPv6", header(t, 1, proxyproto.PROXY, "[2001:db8::7]:1234"), "[2001:db8::7]:1234"},
			{"version 2", header(t, 2, proxyproto.PROXY, "203.0.113.7:1234"), "203.0.113.7:1234"},
			{"version 2, IPv6", header(t, 2, proxyproto.PROXY, "[2001:db8::7]:1234"), "[2001:db8::7]:1234"},
			{"the balancer's own", header(t, 2, proxyproto.LOCAL, "203.0.113.7:1234"), "self"},
			{"no header", "", "self"},
		} {
			conn, from := s.dial(t)
			client := test.client
			if client == "self" {
				client = conn.LocalAddr().String()
			}
			fmt.Fprint(conn, test.header+post)
			if _, body := receive(t, from); body != client+" POST body" {
				t.Errorf("%s: %q, want %s", test.name, body, client)
			}
			for _, request := range []string{get("/"), odd("/"), fmt.Sprintf(long, strings.Repeat("x", 6000)), get("/")} {
				fmt.Fprint(conn, request)
				if _, body := receive(t, from); body != client+" GET " {
					t.Errorf("%s, later: %q, want %s", test.name, body, client)
				}
			}
		}
	})
}

func TestProxyProtocolBelowTLS(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		secure, trust := secured(t)
		o.TLS, o.ProxyProtocolFrom = secure, onlyFrom("127.0.0.1/32")
		s := start(t, remote, o)
		for _, protocol := range []string{"http/1.1", "h2"} {
			transport := &http.Transport{ForceAttemptHTTP2: protocol == "h2"}
			transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				raw, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
				if err != nil {
					return nil, err
				}
				fmt.Fprint(raw, header(t, 2, proxyproto.PROXY, "203.0.113.7:1234"))
				config := trust.Clone()
				config.NextProtos = []string{protocol}
				c := tls.Client(raw, config)
				return c, c.HandshakeContext(ctx)
			}
			response, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get("https://proxy.example/")
			if err != nil {
				t.Errorf("%s: %v", protocol, err)
				continue
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			transport.CloseIdleConnections()
			if string(body) != "203.0.113.7:1234 GET " {
				t.Errorf("%s: %q", protocol, body)
			}
		}
	})
}

// A header is refused from a peer that is not listed, and none is listed by default.
func TestProxyProtocolFromOthers(t *testing.T) {
	for name, listed := range map[string]func(netip.Addr) bool{"others": onlyFrom("192.0.2.0/24"), "nobody": nil} {
		t.Run(name, func(t *testing.T) {
			on(t, func(t *testing.T, o httpserver.Options) {
				o.ProxyProtocolFrom = listed
				s := start(t, remote, o)
				for _, version := range []byte{1, 2} {
					conn, from := s.dial(t)
					fmt.Fprint(conn, header(t, version, proxyproto.PROXY, "203.0.113.7:1234")+get("/"))
					if response, body := receive(t, from); response.StatusCode != http.StatusBadRequest || strings.Contains(body, "203.0.113.7") {
						t.Errorf("version %d: %s %q", version, response.Status, body)
					}
				}
				conn, from := s.dial(t)
				fmt.Fprint(conn, get("/"))
				if _, body := receive(t, from); body != conn.LocalAddr().String()+" GET " {
					t.Errorf("%q", body)
				}
			})
		})
	}
}

// A listed peer that sends half a header, a wrong one or nothing is let go in time, and
// others are served meanwhile.
func TestProxyProtocolOfBrokenPeers(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.ProxyProtocolFrom, o.ReadHeaderTimeout = onlyFrom("127.0.0.0/8"), 300*time.Millisecond
		s := start(t, remote, o)
		whole := header(t, 2, proxyproto.PROXY, "203.0.113.7:1234")
		var broken []*bufio.Reader
		for _, text := range []string{"", "PROXY TC", whole[:20], "PROXY TCP4 nonsense\r\n" + get("/"), "PROXY " + strings.Repeat("x", 300), whole[:13] + "\xff" + whole[14:]} {
			conn, from := s.dial(t)
			fmt.Fprint(conn, text)
			broken = append(broken, from)
		}
		conn, from := s.dial(t)
		fmt.Fprint(conn, whole+get("/"))
		if _, body := receive(t, from); body != "203.0.113.7:1234 GET " {
			t.Errorf("%q", body)
		}
		for i, from := range broken {
			if answer, err := io.ReadAll(from); strings.Contains(string(answer), "200 OK") {
				t.Errorf("%d: %q, %v", i, answer, err)
			}
		}
	})
}
