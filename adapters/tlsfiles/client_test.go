package tlsfiles_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/tlsfiles"
	"github.com/edge-proxy/edge-proxy/test/support/certificates"
)

func TestClient(t *testing.T) {
	first, second, clients := certificates.NewAuthority(t, "first"), certificates.NewAuthority(t, "second"), certificates.NewAuthority(t, "clients")
	server := func(a *certificates.Authority) *tlsfiles.Server {
		return open(t, files{"ca": clients.PEM()}.with(a.Issue(t, named)), tlsfiles.ServerOptions{ClientCAFile: "ca", ClientAuth: tlsfiles.AuthRequire})
	}
	f := files{"ca": first.PEM()}.with(clients.Issue(t, certificates.Leaf{}))
	c, err := tlsfiles.OpenClient(tlsfiles.ClientOptions{CAFile: "ca", CertFile: "cert", KeyFile: "key"}, f.read)
	if err != nil {
		t.Fatal(err)
	}
	connects := func(s *tlsfiles.Server) error {
		config := c.Config().Clone()
		config.ServerName = "proxy.example"
		_, clientErr, serverErr := shake(t, s, config)
		return errors.Join(clientErr, serverErr)
	}
	if err := connects(server(first)); err != nil {
		t.Errorf("a server of the authority: %v", err)
	}
	if connects(server(second)) == nil {
		t.Error("a server of another authority is trusted")
	}
	f["ca"] = second.PEM()
	if err := c.Reload(f.read); err != nil {
		t.Fatal(err)
	}
	if err := connects(server(second)); err != nil {
		t.Errorf("a server of the new authority: %v", err)
	}
	if connects(server(first)) == nil {
		t.Error("a server of the former authority is trusted")
	}
	for name, change := range map[string]func(files){
		"junk":    func(f files) { f["ca"] = []byte("junk") },
		"no file": func(f files) { delete(f, "ca") },
		"ill-fitting": func(f files) {
			f["key"] = clients.Issue(t, certificates.Leaf{}).Key
		},
	} {
		changed := files{"ca": second.PEM(), "cert": f["cert"], "key": f["key"]}
		change(changed)
		before := c.Config()
		if err := c.Reload(changed.read); err == nil || c.Config() != before {
			t.Errorf("%s: %v, changed %v", name, err, c.Config() != before)
		}
	}
	if c, err := tlsfiles.OpenClient(tlsfiles.ClientOptions{}, f.read); err != nil || c.Config().RootCAs != nil || c.Config().MinVersion > tls.VersionTLS12 {
		t.Errorf("without files: %v", err)
	}
}
