package resilience_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// The forward proxies of these tests lead every name to the fake upstream, so
// that an address that does not exist can only be reached through them.

// A forward proxy is used for what the variables say, in either case, and not
// for what they except.
func TestForwardProxies(t *testing.T) {
	const (
		plain  = "http://flagsmith.invalid/api/v1"
		secure = "https://example.com/api/v1" // a name in the certificate of httptest
		login  = "operator:forward-secret"
	)
	for _, c := range []struct {
		name string
		api  string // "" is upstream's own address
		env  map[string]string
		// want is what goes through which of the proxies; nil: nothing does.
		want map[string]string
	}{
		{"HTTP_PROXY", plain, map[string]string{"HTTP_PROXY": "HTTP"}, map[string]string{"HTTP": "GET flagsmith.invalid:80"}},
		{"http_proxy", plain, map[string]string{"http_proxy": "HTTP"}, map[string]string{"HTTP": "GET flagsmith.invalid:80"}},
		{"HTTP_PROXY with a login", plain, map[string]string{"HTTP_PROXY": "HTTP+LOGIN"}, map[string]string{"HTTP": "GET flagsmith.invalid:80 as " + login}},
		{"HTTPS_PROXY", secure, map[string]string{"HTTPS_PROXY": "HTTP"}, map[string]string{"HTTP": "CONNECT example.com:443"}},
		{"https_proxy with a login", secure, map[string]string{"https_proxy": "HTTP+LOGIN"}, map[string]string{"HTTP": "CONNECT example.com:443 as " + login}},
		{"HTTPS_PROXY is for https only", "", map[string]string{"HTTPS_PROXY": "HTTP"}, nil},
		{"ALL_PROXY, http", plain, map[string]string{"ALL_PROXY": "HTTP"}, map[string]string{"HTTP": "GET flagsmith.invalid:80"}},
		{"ALL_PROXY, https over http", secure, map[string]string{"ALL_PROXY": "HTTP"}, map[string]string{"HTTP": "CONNECT example.com:443"}},
		{"ALL_PROXY, socks5", plain, map[string]string{"ALL_PROXY": "SOCKS"}, map[string]string{"SOCKS": "CONNECT flagsmith.invalid:80"}},
		{"all_proxy, https over socks5", secure, map[string]string{"all_proxy": "SOCKS"}, map[string]string{"SOCKS": "CONNECT example.com:443"}},
		{"socks5 with a login", plain, map[string]string{"ALL_PROXY": "SOCKS+LOGIN"}, map[string]string{"SOCKS": "CONNECT flagsmith.invalid:80 as " + login}},
		{"HTTP_PROXY before ALL_PROXY", plain, map[string]string{"HTTP_PROXY": "HTTP", "ALL_PROXY": "SOCKS"}, map[string]string{"HTTP": "GET flagsmith.invalid:80"}},
		{"NO_PROXY", "", map[string]string{"HTTP_PROXY": "HTTP", "ALL_PROXY": "SOCKS", "NO_PROXY": "example.org, 127.0.0.0/8"}, nil},
		{"no_proxy", "", map[string]string{"HTTP_PROXY": "HTTP", "no_proxy": "*"}, nil},
		{"NO_PROXY for others", plain, map[string]string{"HTTP_PROXY": "HTTP", "NO_PROXY": "example.org,127.0.0.1"}, map[string]string{"HTTP": "GET flagsmith.invalid:80"}},
		{"a local address is not an exception of its own", "", map[string]string{"HTTP_PROXY": "HTTP"}, map[string]string{"HTTP": "GET 127.0.0.1:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := newTLSUpstream(t)
			target := u.plain
			if strings.HasPrefix(c.api, "https:") {
				target = u.secure
			}
			proxies := map[string]*forwardProxy{"HTTP": newHTTPProxy(t, target), "SOCKS": newSOCKSProxy(t, target)}
			env := map[string]string{"SSL_CERT_FILE": u.certificate}
			for variable, value := range c.env {
				if name, withLogin := strings.CutSuffix(value, "+LOGIN"); proxies[name] != nil {
					value = proxies[name].url
					if withLogin {
						value = strings.Replace(value, "://", "://"+login+"@", 1)
					}
				}
				env[variable] = value
			}
			api := c.api
			if api == "" {
				api = "http://" + u.plain + "/api/v1"
			}
			p := harness.StartProxy(t, harness.Setup{
				Env: env,
				Config: map[string]any{
					"api_url": api, "api_poll_frequency_seconds": 1,
					"environment_key_pairs": []map[string]any{{"server_side_key": serverKey, "client_side_key": clientKey}},
				},
			})
			p.WaitReady(t)
			for _, name := range slices.Sorted(maps.Keys(proxies)) {
				got, want := proxies[name].requests(), c.want[name]
				switch {
				case want == "" && len(got) > 0:
					t.Errorf("%s: got %q, want nothing", name, got)
				case want != "" && (len(got) == 0 || !strings.HasPrefix(got[0], want)):
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

// tlsUpstream is a fake upstream in this process, with and without TLS.
type tlsUpstream struct {
	plain, secure string // addresses
	certificate   string // name of a file
}

func newTLSUpstream(t *testing.T) tlsUpstream {
	t.Helper()
	fake := fakeflagsmith.New()
	e := fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document(time.Now(), "first", 0)}
	if err := fake.PutEnvironment(e); err != nil {
		t.Fatal(err)
	}
	plain, secure := httptest.NewServer(fake), httptest.NewUnstartedServer(fake)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	t.Cleanup(fake.Close)
	u := tlsUpstream{plain.Listener.Addr().String(), secure.Listener.Addr().String(), filepath.Join(t.TempDir(), "ca.pem")}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(u.certificate, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return u
}

// forwardProxy is a proxy that notes what it is asked for.
type forwardProxy struct {
	url    string
	target string // where everything is led
	mu     sync.Mutex
	log    []string
}

func (p *forwardProxy) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *forwardProxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// serve runs a proxy on a port of its own until the end of the test.
func (p *forwardProxy) serve(t *testing.T, scheme string, handle func(net.Conn) error) {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	p.url = scheme + "://" + l.Addr().String()
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				_ = handle(c) // a client that went away
				_ = c.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(open, c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}

// newHTTPProxy starts an HTTP proxy, with CONNECT.
func newHTTPProxy(t *testing.T, target string) *forwardProxy {
	p := &forwardProxy{target: target}
	p.serve(t, "http", func(c net.Conn) error {
		r := bufio.NewReader(c)
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return err
			}
			host := q.Host
			if _, _, err := net.SplitHostPort(host); err != nil {
				host += ":80"
			}
			as := ""
			if encoded, ok := strings.CutPrefix(q.Header.Get("Proxy-Authorization"), "Basic "); ok {
				login, err := base64.StdEncoding.DecodeString(encoded)
				if err != nil {
					return err
				}
				as = " as " + string(login)
			}
			p.note("%s %s%s", q.Method, host, as)
			if q.Method == http.MethodConnect {
				if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
					return err
				}
				return p.tunnel(c, r)
			}
			if !q.URL.IsAbs() {
				return fmt.Errorf("a request to a proxy needs an absolute address, not %s", q.URL)
			}
			if err := p.forward(c, q); err != nil {
				return err
			}
		}
	})
	return p
}

// forward passes one request on and its answer back.
func (p *forwardProxy) forward(c net.Conn, q *http.Request) error {
	q.Header.Del("Proxy-Authorization")
	q.RequestURI = ""
	q.URL = &url.URL{Scheme: "http", Host: p.target, Path: q.URL.Path, RawQuery: q.URL.RawQuery}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	answer, err := transport.RoundTrip(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return answer.Write(c)
}

// tunnel passes bytes on until one side ends.
func (p *forwardProxy) tunnel(c net.Conn, from io.Reader) error {
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		return err
	}
	defer to.Close()
	done := make(chan error, 1)
	go func() { // ends with to
		_, err := io.Copy(c, to)
		_ = c.Close()
		done <- err
	}()
	_, err = io.Copy(to, from)
	_ = to.Close()
	<-done
	return err
}

// newSOCKSProxy starts a SOCKS5 proxy (RFC 1928), with logins (RFC 1929).
func newSOCKSProxy(t *testing.T, target string) *forwardProxy {
	p := &forwardProxy{target: target}
	p.serve(t, "socks5", func(c net.Conn) error {
		r := bufio.NewReader(c)
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil || head[0] != 5 {
			return fmt.Errorf("no SOCKS5: % x, %w", head, err)
		}
		methods := make([]byte, head[1])
		if _, err := io.ReadFull(r, methods); err != nil {
			return err
		}
		as := ""
		if slices.Contains(methods, 2) {
			if _, err := c.Write([]byte{5, 2}); err != nil {
				return err
			}
			if _, err := r.ReadByte(); err != nil { // version of the login
				return err
			}
			user, err := readCounted(r)
			if err != nil {
				return err
			}
			password, err := readCounted(r)
			if err != nil {
				return err
			}
			as = " as " + user + ":" + password
			if _, err := c.Write([]byte{1, 0}); err != nil {
				return err
			}
		} else if _, err := c.Write([]byte{5, 0}); err != nil {
			return err
		}
		host, err := readSOCKSAddress(r)
		if err != nil {
			return err
		}
		p.note("CONNECT %s%s", host, as)
		if _, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
			return err
		}
		return p.tunnel(c, r)
	})
	return p
}

// readCounted reads a text with its length in front.
func readCounted(r *bufio.Reader) (string, error) {
	n, err := r.ReadByte()
	if err != nil {
		return "", err
	}
	text := make([]byte, n)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

// readSOCKSAddress reads a request to connect and returns where to.
func readSOCKSAddress(r *bufio.Reader) (string, error) {
	head := make([]byte, 4) // version, command, reserved, kind of address
	if _, err := io.ReadFull(r, head); err != nil || head[1] != 1 {
		return "", fmt.Errorf("no request to connect: % x, %w", head, err)
	}
	var host string
	switch head[3] {
	case 1, 4:
		address := make([]byte, map[byte]int{1: 4, 4: 16}[head[3]])
		if _, err := io.ReadFull(r, address); err != nil {
			return "", err
		}
		host = net.IP(address).String()
	default:
		var err error
		if host, err = readCounted(r); err != nil {
			return "", err
		}
	}
	port := make([]byte, 2)
	if _, err := io.ReadFull(r, port); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port)))), nil
}
