package flagsmith_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

func TestForwardProxies(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
	secure := httptest.NewTLSServer(plain.Config.Handler)
	t.Cleanup(secure.Close)
	routes := map[string]string{"example.com:80": addressOf(t, plain), "example.com:443": addressOf(t, secure)}
	login := url.UserPassword("user", password)

	for name, tt := range map[string]struct {
		settings func(s *flagsmith.ProxySettings, http, socks string)
		address  string
		want     string // what the proxies were asked for
	}{
		"HTTP_PROXY":               {func(s *flagsmith.ProxySettings, h, _ string) { s.HTTP = h }, "http://example.com", "GET http://example.com/environment-document/"},
		"HTTPS_PROXY":              {func(s *flagsmith.ProxySettings, h, _ string) { s.HTTPS = h }, "https://example.com", "CONNECT example.com:443"},
		"ALL_PROXY, http":          {func(s *flagsmith.ProxySettings, h, _ string) { s.All = h }, "http://example.com", "GET http://example.com/environment-document/"},
		"ALL_PROXY, https":         {func(s *flagsmith.ProxySettings, h, _ string) { s.All = h }, "https://example.com", "CONNECT example.com:443"},
		"without a scheme":         {func(s *flagsmith.ProxySettings, h, _ string) { s.All = strings.TrimPrefix(h, "http://") }, "http://example.com", "GET http://example.com/environment-document/"},
		"HTTP_PROXY before ALL":    {func(s *flagsmith.ProxySettings, h, k string) { s.HTTP, s.All = h, k }, "http://example.com", "GET http://example.com/environment-document/"},
		"ALL_PROXY, the other one": {func(s *flagsmith.ProxySettings, h, k string) { s.HTTP, s.All = h, k }, "https://example.com", "SOCKS example.com:443"},
		"socks5":                   {func(s *flagsmith.ProxySettings, _, k string) { s.All = k }, "http://example.com", "SOCKS example.com:80"},
		"socks5h": {func(s *flagsmith.ProxySettings, _, k string) {
			s.HTTPS = strings.Replace(k, "socks5", "socks5h", 1)
		}, "https://example.com", "SOCKS example.com:443"},
		"localhost, too":     {func(s *flagsmith.ProxySettings, h, _ string) { s.HTTP = h }, plain.URL, "GET " + plain.URL + "/environment-document/"},
		"HTTPS_PROXY, http":  {func(s *flagsmith.ProxySettings, h, _ string) { s.HTTPS = h }, plain.URL, ""},
		"HTTP_PROXY, https":  {func(s *flagsmith.ProxySettings, h, _ string) { s.HTTP = h }, secure.URL, ""},
		"NO_PROXY":           {func(s *flagsmith.ProxySettings, h, _ string) { s.All, s.No = h, "127.0.0.0/8" }, plain.URL, ""},
		"NO_PROXY, socks":    {func(s *flagsmith.ProxySettings, _, k string) { s.All, s.No = k, "*" }, secure.URL, ""},
		"NO_PROXY, no match": {func(s *flagsmith.ProxySettings, h, _ string) { s.All, s.No = h, "127.0.0.1" }, "http://example.com", "GET http://example.com/environment-document/"},
		"none":               {func(*flagsmith.ProxySettings, string, string) {}, plain.URL, ""},
	} {
		t.Run(name, func(t *testing.T) {
			forward, socks := newForwardProxy(t, routes), newSocksProxy(t, routes)
			withLogin := func(scheme, host string) string { return (&url.URL{Scheme: scheme, User: login, Host: host}).String() }
			c := client(t, tt.address, trust(secure), func(o *flagsmith.Options) {
				tt.settings(&o.Proxy, withLogin("http", addressOf(t, forward.Server)), withLogin("socks5", socks.address))
			})
			if got := body(t, c); got != document {
				t.Errorf("got %s", got)
			}
			if got := strings.Join(append(forward.asked.all(), socks.asked.all()...), ", "); got != tt.want {
				t.Errorf("the proxies were asked for %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoProxy(t *testing.T) {
	t.Parallel()
	direct := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
	_, port, err := net.SplitHostPort(addressOf(t, direct))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		list, host string
		direct     bool
	}{
		{"", "localhost", false},
		{",, ,", "localhost", false},
		{"*", "localhost", true},
		{"other, localhost", "localhost", true},
		{"other localhost", "localhost", true},
		{"LOCALHOST", "localhost", true},
		{"localhost", "LocalHost", true},
		{"localhost:" + port, "localhost", true},
		{"localhost:1", "localhost", false},
		{"host", "localhost", false},
		{"localhost.", "localhost", true},
		{".localhost", "localhost", false},
		{"*.localhost", "localhost", false},
		{"127.0.0.1", "localhost", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1:" + port, "127.0.0.1", true},
		{"127.0.0.1:1", "127.0.0.1", false},
		{"127.0.0.0/8", "127.0.0.1", true},
		{"10.0.0.0/8", "127.0.0.1", false},
		{"::ffff:127.0.0.1", "127.0.0.1", true},
		{"[127.0.0.1", "127.0.0.1", false},
		{":" + port, "127.0.0.1", false},
	} {
		forward := newForwardProxy(t, map[string]string{"*": addressOf(t, direct)})
		c := client(t, "http://"+tt.host+":"+port, func(o *flagsmith.Options) { o.Proxy = flagsmith.ProxySettings{HTTP: forward.URL, No: tt.list} })
		if got := body(t, c); got != document {
			t.Errorf("got %s", got)
		}
		if got := len(forward.asked.all()) == 0; got != tt.direct {
			t.Errorf("NO_PROXY=%s, %s: direct is %v, want %v", tt.list, tt.host, got, tt.direct)
		}
	}
}

// Names that lead nowhere: what is not excepted goes to the proxy and comes
// back, what is excepted cannot.
func TestNoProxyNamesBelow(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
	for _, tt := range []struct {
		list, host string
		direct     bool
	}{
		{"flags.invalid", "api.flags.invalid", true},
		{".flags.invalid", "api.flags.invalid", true},
		{"*.flags.invalid", "api.flags.invalid", true},
		{"flags.invalid", "otherflags.invalid", false},
		{".flags.invalid", "flags.invalid", false},
		{"::1", "[::2]", false},
		{"2001:db8::/32", "[::2]", false},
	} {
		forward := newForwardProxy(t, map[string]string{"*": addressOf(t, s)})
		c := client(t, "http://"+tt.host, func(o *flagsmith.Options) { o.Proxy = flagsmith.ProxySettings{HTTP: forward.URL, No: tt.list} })
		_, err := c.FetchDocument(t.Context(), documentRequest())
		if got := len(forward.asked.all()) == 0; got != tt.direct {
			t.Errorf("NO_PROXY=%s, %s: direct is %v, want %v (%v)", tt.list, tt.host, got, tt.direct, err)
		}
	}
}

func TestForwardProxyFailures(t *testing.T) {
	t.Parallel()
	refusing := func(status int) string {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		return "http://user:" + password + "@" + addressOf(t, s)
	}
	gone := serve(t, nil)
	gone.Close()
	socks := newSocksProxy(t, nil) // knows no host
	for name, tt := range map[string]struct {
		proxy, address string
		want           []string
	}{
		"gone":             {strings.Replace(gone.URL, "http://", "http://user:"+password+"@", 1), "http://example.com", []string{"forward proxy cannot be reached"}},
		"gone, CONNECT":    {gone.URL, "https://example.com", []string{"forward proxy cannot be reached"}},
		"gone, socks":      {"socks5://user:" + password + "@" + addressOf(t, gone), "https://example.com", []string{"forward proxy cannot be reached"}},
		"login":            {refusing(407), "http://example.com", []string{"407", "wants a user name and a password"}},
		"login, CONNECT":   {refusing(407), "https://example.com", []string{"407", "wants a user name and a password"}},
		"refused, CONNECT": {refusing(403), "https://example.com", []string{"forward proxy answered 403", "NO_PROXY"}},
		"refused, socks":   {"socks5://user:" + password + "@" + socks.address, "https://example.com", []string{"forward proxy cannot be reached or refuses"}},
		"login, socks":     {"socks5://" + socks.address, "https://example.com", []string{"forward proxy cannot be reached or refuses"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, tt.address, func(o *flagsmith.Options) { o.Proxy.All = tt.proxy })
			contains(t, failing(t, c).Error(), tt.want...)
		})
	}
}

// texts is a list that several goroutines write.
type texts struct {
	mu   sync.Mutex
	list []string
}

func (l *texts) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, text)
}

func (l *texts) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.list...)
}

// forwardProxy is a forward proxy that leads hosts ("host:port", or "*" for all)
// to servers of a test; hosts it does not know it dials.
type forwardProxy struct {
	*httptest.Server
	asked texts
}

func newForwardProxy(t *testing.T, routes map[string]string) *forwardProxy {
	t.Helper()
	p := &forwardProxy{}
	transport := &http.Transport{}
	forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Host = route(routes, withPort(r.In.URL.Host, "80"))
	}}
	var tunnels sync.WaitGroup
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			p.asked.add(r.Method + " " + r.URL.String())
			forward.ServeHTTP(w, r)
			return
		}
		p.asked.add("CONNECT " + r.Host)
		there, err := net.Dial("tcp", route(routes, r.Host))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		tunnels.Add(1)
		defer tunnels.Done()
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		tunnel(here, there)
	}))
	t.Cleanup(func() {
		p.Close()
		tunnels.Wait()
		transport.CloseIdleConnections()
	})
	return p
}

func route(routes map[string]string, host string) string {
	for _, name := range []string{strings.ToLower(host), "*"} {
		if to, ok := routes[name]; ok {
			return to
		}
	}
	return host
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// tunnel copies both ways until one side ends.
func tunnel(a, b net.Conn) {
	var copying sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		copying.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = a.Close()
			_ = b.Close()
		})
	}
	copying.Wait()
}

// socksProxy is a SOCKS 5 proxy that wants a user name and a password. It leads
// hosts to servers of a test and refuses others.
type socksProxy struct {
	address string
	asked   texts
}

func newSocksProxy(t *testing.T, routes map[string]string) *socksProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &socksProxy{address: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = c.Close() }()
				if there, err := p.handshake(c, routes); err == nil {
					tunnel(c, there)
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return p
}

// handshake speaks RFC 1928 and RFC 1929 as far as this needs.
func (p *socksProxy) handshake(c net.Conn, routes map[string]string) (net.Conn, error) {
	read := func(n int) ([]byte, error) {
		b := make([]byte, n)
		_, err := io.ReadFull(c, b)
		return b, err
	}
	counted := func() (string, error) {
		n, err := read(1)
		if err != nil {
			return "", err
		}
		b, err := read(int(n[0]))
		return string(b), err
	}
	if _, err := read(1); err != nil {
		return nil, err
	}
	methods, err := counted()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(methods, "\x02") {
		_, _ = c.Write([]byte{5, 0xff})
		return nil, fmt.Errorf("no password offered")
	}
	_, _ = c.Write([]byte{5, 2})
	if _, err := read(1); err != nil {
		return nil, err
	}
	user, _ := counted()
	pass, err := counted()
	if err != nil || user != "user" || pass != password {
		_, _ = c.Write([]byte{1, 1})
		return nil, fmt.Errorf("wrong password")
	}
	_, _ = c.Write([]byte{1, 0})
	head, err := read(4)
	if err != nil || head[1] != 1 || head[3] != 3 {
		return nil, fmt.Errorf("not a CONNECT to a name")
	}
	name, _ := counted()
	port, err := read(2)
	if err != nil {
		return nil, err
	}
	host := fmt.Sprintf("%s:%d", name, binary.BigEndian.Uint16(port))
	p.asked.add("SOCKS " + host)
	to, ok := routes[host]
	if !ok {
		_, _ = c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return nil, fmt.Errorf("unknown host %s", host)
	}
	there, err := net.Dial("tcp", to)
	if err == nil {
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	}
	return there, err
}
