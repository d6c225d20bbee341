package tlsfiles_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
	"github.com/edge-proxy/edge-proxy/test/support/certificates"
)

// files are what a test's ReadFile reads.
type files map[string][]byte

func (f files) read(name string) ([]byte, error) {
	if content, ok := f[name]; ok {
		return content, nil
	}
	return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
}

func (f files) with(p certificates.Pair) files {
	f = maps.Clone(f)
	f["cert"], f["key"] = p.Cert, p.Key
	return f
}

func open(t *testing.T, f files, o tlsfiles.ServerOptions) *tlsfiles.Server {
	t.Helper()
	o.CertFile, o.KeyFile = "cert", "key"
	s, err := tlsfiles.OpenServer(o, f.read)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connection returns the two ends of a connection, whose deadlines are far away.
func connection(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(time.Minute)
	_ = errors.Join(client.SetDeadline(limit), server.SetDeadline(limit))
	return client, server
}

// shake does a handshake, sends a byte to the client, and returns what the
// client sees and why either side failed.
func shake(t *testing.T, s *tlsfiles.Server, client *tls.Config) (state tls.ConnectionState, clientErr, serverErr error) {
	t.Helper()
	left, right := connection(t)
	defer left.Close()
	ended := make(chan error, 1)
	go func() {
		defer right.Close()
		conn := tls.Server(right, s.Config())
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("x"))
		} else {
			s.HandshakeFailed(err)
		}
		ended <- err
	}()
	conn := tls.Client(left, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	state = conn.ConnectionState()
	left.Close()
	return state, clientErr, <-ended
}

// must is shake that has to succeed.
func must(t *testing.T, s *tlsfiles.Server, client *tls.Config) tls.ConnectionState {
	t.Helper()
	state, clientErr, serverErr := shake(t, s, client)
	if err := errors.Join(clientErr, serverErr); err != nil {
		t.Fatal(err)
	}
	return state
}

func trusting(a *certificates.Authority) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: "proxy.example"}
}

var named = certificates.Leaf{Names: []string{"proxy.example"}}

func TestReload(t *testing.T) {
	authority := certificates.NewAuthority(t, "authority")
	var log bytes.Buffer
	f := files{}.with(authority.Issue(t, certificates.Leaf{Names: []string{"proxy.example", "old.example"}}))
	s := open(t, f, tlsfiles.ServerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	before := must(t, s, trusting(authority)).PeerCertificates[0]
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := s.Reload(f.with(authority.Issue(t, certificates.Leaf{Names: []string{"*.example"}, NotAfter: end})).read); err != nil {
		t.Fatal(err)
	}
	state, _, _ := shake(t, s, &tls.Config{RootCAs: authority.Pool(), ServerName: "other.example"})
	if after := state.PeerCertificates[0]; after.Equal(before) {
		t.Error("the former certificate is served")
	}
	if got := s.Stats(); got.Reloaded != 1 || got.Failed != 0 || !got.NotAfter.Equal(end) {
		t.Errorf("%+v", got)
	}
	if text := log.String(); !strings.Contains(text, "tls_reloaded names=*.example") || strings.Contains(text, "names_lost") {
		t.Errorf("logged %s", text)
	}
	if err := s.Reload(f.with(authority.Issue(t, certificates.Leaf{Names: []string{"proxy.example"}})).read); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "tls_certificate_names_lost names=*.example") {
		t.Errorf("logged %s", text)
	}
}

// What cannot be used changes nothing, is logged and counted, and the key is never shown.
func TestBrokenPairsChangeNothing(t *testing.T) {
	authority := certificates.NewAuthority(t, "authority")
	good, other := authority.Issue(t, named), authority.Issue(t, named)
	expired := authority.Issue(t, certificates.Leaf{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	early := authority.Issue(t, certificates.Leaf{NotBefore: time.Now().Add(time.Hour)})
	client := authority.Issue(t, certificates.Leaf{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	broken := map[string]struct {
		pair certificates.Pair
		want string
	}{
		"another key":     {certificates.Pair{Cert: good.Cert, Key: other.Key}, "do not belong together"},
		"another cert":    {certificates.Pair{Cert: other.Cert, Key: good.Key}, "do not belong together"},
		"expired":         {expired, "expired at"},
		"not valid yet":   {early, "is valid from"},
		"for clients":     {client, "extended key usage serverAuth"},
		"swapped":         {certificates.Pair{Cert: good.Key, Key: good.Cert}, "may have been switched"},
		"no certificate":  {certificates.Pair{Cert: []byte("hello"), Key: good.Key}, "no certificate in PEM form"},
		"no key":          {certificates.Pair{Cert: good.Cert, Key: []byte("hello")}, "no private key in PEM form"},
		"empty cert":      {certificates.Pair{Key: good.Key}, "cert is empty"},
		"empty key":       {certificates.Pair{Cert: good.Cert}, "key is empty"},
		"authority alone": {certificates.Pair{Cert: authority.PEM(), Key: good.Key}, "do not belong together"},
	}
	for i := range 40 { // truncated and flipped somewhere
		cert, key := bytes.Clone(good.Cert), bytes.Clone(good.Key)
		if i%2 == 0 {
			cert = cert[:len(cert)*(i+1)/50]
		} else {
			at := len(key) * (i + 1) / 50
			key = append(bytes.Clone(key[:at]), key[min(at+8, len(key)):]...)
		}
		broken[fmt.Sprint("damaged ", i)] = struct {
			pair certificates.Pair
			want string
		}{certificates.Pair{Cert: cert, Key: key}, ""}
	}
	if len(broken) < 50 {
		t.Fatalf("only %d pairs", len(broken))
	}
	var log bytes.Buffer
	s := open(t, files{}.with(good), tlsfiles.ServerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	want := must(t, s, trusting(authority)).PeerCertificates[0]
	for name, c := range broken {
		log.Reset()
		before := s.Stats()
		err := s.Reload(files{}.with(c.pair).read)
		if err == nil {
			t.Errorf("%s: it was used", name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		for line := range strings.Lines(string(good.Key)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--") && len(line) > 8 && strings.Contains(err.Error()+log.String(), line[:8]) {
				t.Errorf("%s: a part of the key is shown in %v, %s", name, err, log.String())
			}
		}
		if n := strings.Count(log.String(), "tls_reload_failed"); n != 1 {
			t.Errorf("%s: logged %d times: %s", name, n, log.String())
		}
		after := s.Stats()
		if before.Failed++; after != before {
			t.Errorf("%s: counted %+v, want %+v", name, after, before)
		}
		if got := must(t, s, trusting(authority)).PeerCertificates[0]; !got.Equal(want) {
			t.Errorf("%s: another certificate is served", name)
		}
	}
	if err := s.Reload(files{"cert": good.Cert}.read); err == nil || !strings.Contains(err.Error(), "key cannot be read: file does not exist") {
		t.Errorf("a missing file: %v", err)
	}
}

// A certificate that has expired is served from the start, with a warning.
func TestExpiredAtTheStart(t *testing.T) {
	authority := certificates.NewAuthority(t, "authority")
	var log bytes.Buffer
	expired := authority.Issue(t, certificates.Leaf{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	s := open(t, files{}.with(expired), tlsfiles.ServerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "level=WARN msg=tls_certificate_not_valid") {
		t.Errorf("logged %s", log.String())
	}
	must(t, s, &tls.Config{InsecureSkipVerify: true})
}

func TestStartWithBrokenFiles(t *testing.T) {
	authority := certificates.NewAuthority(t, "authority")
	f := files{}.with(authority.Issue(t, named))
	f["junk"] = []byte("junk")
	for name, o := range map[string]tlsfiles.ServerOptions{
		"cert none cannot be read":       {CertFile: "none", KeyFile: "key"},
		"junk has no certificate in PEM": {CertFile: "cert", KeyFile: "key", ClientCAFile: "junk", ClientAuth: tlsfiles.AuthRequire},
	} {
		_, want, _ := strings.Cut(name, " ")
		if _, err := tlsfiles.OpenServer(o, f.read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Sessions outlive reloads, but not the authority that vouched for their client.
func TestSessionsOutliveReloads(t *testing.T) {
	authority, clients, others := certificates.NewAuthority(t, "authority"), certificates.NewAuthority(t, "clients"), certificates.NewAuthority(t, "others")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			f := files{"ca": clients.PEM()}.with(authority.Issue(t, named))
			s := open(t, f, tlsfiles.ServerOptions{ClientCAFile: "ca", ClientAuth: tlsfiles.AuthRequest})
			client := trusting(authority)
			client.ClientSessionCache, client.MaxVersion = tls.NewLRUClientSessionCache(0), version
			client.Certificates = []tls.Certificate{clients.Issue(t, certificates.Leaf{URIs: []string{"spiffe://example.org/shop"}}).TLS(t)}
			if must(t, s, client).DidResume {
				t.Error("the first handshake resumed a session")
			}
			for range 3 {
				f = f.with(authority.Issue(t, named))
				if err := s.Reload(f.read); err != nil {
					t.Fatal(err)
				}
				if !must(t, s, client).DidResume {
					t.Error("the session was not resumed after a reload")
				}
			}
			f["ca"] = others.PEM()
			if err := s.Reload(f.read); err != nil {
				t.Fatal(err)
			}
			if state, _, err := shake(t, s, client); state.DidResume && err == nil {
				t.Error("a session was resumed whose authority is not trusted any more")
			}
		})
	}
}

func TestClientCertificates(t *testing.T) {
	authority, clients := certificates.NewAuthority(t, "authority"), certificates.NewAuthority(t, "clients")
	own, foreign := clients.Issue(t, certificates.Leaf{}).TLS(t), authority.Issue(t, certificates.Leaf{}).TLS(t)
	expired := clients.Issue(t, certificates.Leaf{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}).TLS(t)
	for _, c := range []struct {
		auth    tlsfiles.ClientAuth
		sends   *tls.Certificate
		admits  bool
		because string
	}{
		{tlsfiles.AuthRequire, &own, true, ""},
		{tlsfiles.AuthRequire, nil, false, "none is sent"},
		{tlsfiles.AuthRequire, &foreign, false, "another authority signed it"},
		{tlsfiles.AuthRequire, &expired, false, "it has expired"},
		{tlsfiles.AuthRequest, &own, true, ""},
		{tlsfiles.AuthRequest, nil, true, ""},
		{tlsfiles.AuthRequest, &foreign, false, "another authority signed it"},
		{tlsfiles.AuthRequest, &expired, false, "it has expired"},
		{tlsfiles.AuthNone, nil, true, ""},
		{tlsfiles.AuthNone, &foreign, true, ""},
	} {
		f := files{"ca": clients.PEM()}.with(authority.Issue(t, named))
		s := open(t, f, tlsfiles.ServerOptions{ClientCAFile: "ca", ClientAuth: c.auth})
		client := trusting(authority)
		if c.sends != nil { // whatever the server asks for
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.sends, nil }
		}
		_, clientErr, serverErr := shake(t, s, client)
		admitted := clientErr == nil && serverErr == nil
		if admitted != c.admits {
			t.Errorf("%s, %s: %v, %v", c.auth, c.because, clientErr, serverErr)
		}
		refused := int64(0)
		if !c.admits {
			refused = 1
		}
		if got := s.Stats().HandshakeErrors[tlsfiles.ClientCertificate]; got != refused {
			t.Errorf("%s, %s: counted %d as client_certificate: %v", c.auth, c.because, got, serverErr)
		}
	}
}

func TestHandshakeErrorsAreCounted(t *testing.T) {
	authority := certificates.NewAuthority(t, "authority")
	var log bytes.Buffer
	s := open(t, files{}.with(authority.Issue(t, named)), tlsfiles.ServerOptions{MinVersion: tls.VersionTLS13, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	fails := func(client *tls.Config) {
		t.Helper()
		if _, clientErr, serverErr := shake(t, s, client); clientErr == nil || serverErr == nil {
			t.Errorf("no error: %v, %v", clientErr, serverErr)
		}
	}
	old := trusting(authority)
	old.MaxVersion = tls.VersionTLS12
	for range 3 {
		fails(old)
	}
	fails(&tls.Config{RootCAs: x509.NewCertPool(), ServerName: "proxy.example"})
	fails(&tls.Config{RootCAs: authority.Pool(), ServerName: "other.example"})
	s.HandshakeFailed(fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded))
	s.HandshakeFailed(io.EOF)
	s.HandshakeFailed(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"})
	want := map[string]int64{"protocol": 4, "certificate": 2, "client_certificate": 0, "timeout": 1, "other": 1}
	for _, reason := range tlsfiles.Reasons() {
		if got := s.Stats().HandshakeErrors[reason]; got != want[reason.String()] {
			t.Errorf("%s: %d, want %d", reason, got, want[reason.String()])
		}
	}
	for reason, times := range map[string]int{"protocol": 1, "certificate": 1, "timeout": 0, "other": 0} {
		if got := strings.Count(log.String(), "tls_handshake_failed reason="+reason+" "); got != times {
			t.Errorf("%s was logged %d times, want %d: %s", reason, got, times, log.String())
		}
	}
}
