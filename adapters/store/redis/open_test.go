package redis_test

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestOpenTakes(t *testing.T) {
	files := map[string]string{"/run/password": "secret\n", "/run/sentinel": "secret\n"}
	d := deps()
	d.ReadFile = func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	for _, text := range []string{
		"redis://localhost",
		"redis://localhost/",
		"redis://localhost:6380/15",
		"redis://[::1]:6380",
		"redis://[::1]",
		"redis://user:p%40ss@localhost",
		"redis://:password@localhost",
		"redis://user@localhost?password_file=/run/password",
		"redis://localhost?password_file=/run/password&timeout=1.5s&connect_timeout=300ms&pool_size=4",
		"rediss://localhost?server_name=redis.internal",
		"redis+cluster://a:7000,b:7001,c:7002",
		"redis+cluster://a,b,c",
		"redis+cluster://a/0",
		"rediss+cluster://user:password@a:7000?server_name=cluster",
		"redis+sentinel://a,b:26380/2?master=documents",
		"rediss+sentinel://a?master=documents&sentinel_username=u&sentinel_password_file=/run/sentinel",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := redis.Open(t.Context(), u, d)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", text, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ url, because string }{
		{"http://localhost", "rediss+sentinel"},
		{"redis:localhost", "must begin with redis://"},
		{"redis://", "a host is missing"},
		{"redis:///0", "a host is missing"},
		{"redis://localhost:0", "a port"},
		{"redis://localhost:65536", "a port"},
		{"redis://a,b", "redis+cluster or redis+sentinel"},
		{"redis+cluster://a,,c", "a host is missing"},
		{"redis://localhost/one", "number of a database"},
		{"redis://localhost/-1", "number of a database"},
		{"redis://localhost/01", "number of a database"},
		{"redis://localhost/0/1", "number of a database"},
		{"redis+cluster://a/1", "one database"},
		{"redis+sentinel://a", "master is missing"},
		{"redis+sentinel://a?master=", "master must not be empty"},
		{"redis+sentinel://a?master=m&sentinel_username=u", "sentinel_password_file"},
		{"redis://localhost?db=1", `unknown parameter "db"; known are connect_timeout, connection_lifetime, password_file, pool_size, timeout`},
		{"redis://localhost?master=m", `unknown parameter "master"`},
		{"redis://localhost?ca_file=/x", `unknown parameter "ca_file"`},
		{"rediss://localhost?insecure_skip_verify=true", "known are ca_file, cert_file"},
		{"redis://localhost?Timeout=1s", `unknown parameter "Timeout"`},
		{"redis://localhost?timeout=1s&timeout=2s", "timeout is given twice"},
		{"redis://localhost?timeout=1", "timeout must be a time"},
		{"redis://localhost?timeout=0s", "timeout must be a time"},
		{"redis://localhost?connect_timeout=1h", "connect_timeout must be a time"},
		{"redis://localhost?pool_size=0", "pool_size must be a number"},
		{"redis://localhost?pool_size=many", "pool_size must be a number"},
		{"redis://localhost?a;b", "not properly escaped"},
		{"redis://localhost?timeout=%zz", "not properly escaped"},
		{"redis://user@localhost", "a user needs a password"},
		{"redis://user:@localhost", "a user needs a password"},
		{"redis://user:secret@localhost?password_file=/x", "given twice"},
		{"redis://localhost?password_file=/nowhere/password", "password_file: open /nowhere/password"},
		{"rediss://localhost?ca_file=/nowhere/ca", "ca_file: open /nowhere/ca"},
		{"rediss://localhost?cert_file=/nowhere/cert", "belong together"},
		{"rediss://localhost?cert_file=/nowhere/cert&key_file=/nowhere/key", "cert_file: open"},
		{"redis+sentinel://a?master=m&sentinel_password_file=/nowhere/s", "sentinel_password_file: open"},
		{"redis://localhost#fragment", "%23"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		s, err := redis.Open(t.Context(), u, deps())
		if err == nil {
			t.Errorf("%s is taken", c.url)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), c.because) {
			t.Errorf("%s: %q lacks %q", c.url, err, c.because)
		}
	}
}

func TestOpenRefusesFilesWithoutContent(t *testing.T) {
	d := deps()
	d.ReadFile = func(string) ([]byte, error) { return []byte("\n"), nil }
	for text, because := range map[string]string{
		"redis://localhost?password_file=/p":                    "/p is empty",
		"rediss://localhost?ca_file=/c":                         "/c holds no certificate",
		"rediss://localhost?cert_file=/c&key_file=/k":           "cert_file and key_file",
		"redis+sentinel://a?master=m&sentinel_password_file=/p": "/p is empty",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := redis.Open(t.Context(), u, d); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("%s: %v, want %q", text, err, because)
		}
	}
}

// Passwords with characters that should have been escaped end up in other parts
// of a URL. No part is repeated.
func TestOpenShowsNoPassword(t *testing.T) {
	for _, text := range []string{
		"redis://user:sesame@localhost?unknown=1",
		"redis://user:sesame@localhost/x",
		"redis://user:12/sesame@localhost",
		"redis://user:12?sesame@localhost",
		"redis://user:12?timeout=sesame@localhost",
		"redis://user:12?%zzsesame@localhost",
		"redis://user:12#sesame@localhost",
		"redis://sesame@localhost",
		"redis://localhost/0?sesame@x=1",
		"redis:sesame@localhost",
		"redis://user:sesame@localhost?password_file=/x",
		"redis://user:sesame@",
		"redis+cluster://user:sesame@a,:1",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := redis.Open(t.Context(), u, deps())
		if err == nil {
			t.Errorf("%s is taken", text)
			_ = s.Close()
			continue
		}
		if strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: the error shows the password: %v", text, err)
		}
	}
}

// Opening connects nowhere: a Redis that is away is found out by calls.
func TestOpenWithoutServer(t *testing.T) {
	s := serve(t, silent)
	address := s.url()
	_ = s.listener.Close()
	store := openURL(t, address, deps())
	if _, err := store.Get(t.Context(), "key"); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Get: %v, want ErrUnavailable", err)
	}
}

// No URL makes Open panic or show a password that is where it belongs.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{
		"redis://h:1/0?timeout=1s", "redis+cluster://a:1,b:2", "redis+sentinel://a,b/1?master=m",
		"rediss://[::1]?server_name=x", "redis://,", "redis://h?%", "redis:x", "://",
	} {
		f.Add(seed)
	}
	const password = "open-sesame-4711"
	d := deps()
	d.ReadFile = func(string) ([]byte, error) { return []byte("text"), nil }
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		u.User = url.UserPassword("user", password)
		s, err := redis.Open(t.Context(), u, d)
		if err == nil {
			_ = s.Close()
			return
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("the error shows the password: %v", err)
		}
	})
}
