package redis_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// What is wrong with the configuration is named, with what to change.
func TestServerErrorsNameWhatToDo(t *testing.T) {
	for _, c := range []struct{ says, want string }{
		{"MOVED 1234 10.0.0.1:6379", "begin store.url with redis+cluster://"},
		{"ASK 1234 10.0.0.1:6379", "begin store.url with redis+cluster://"},
		{"ERR SELECT is not allowed in cluster mode", "begin store.url with redis+cluster://"},
		{"READONLY You can't write against a read only replica.", "names a replica instead of the master"},
		{"NOAUTH Authentication required.", "set it in store.url or by the parameter password_file"},
		{"WRONGPASS invalid username-password pair or user is disabled.", "correct them in store.url or in the file of password_file"},
		{"ERR invalid password", "refuses the password"},
		{"NOPERM this user has no permissions to run the 'hmget' command", "docs/stores.md"},
		{"ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?", "remove it"},
		{"ERR DB index is out of range", "correct the path of store.url"},
		{"DENIED Redis is running in protected mode", "protected-mode"},
		{"ERR This instance has cluster support disabled", "not a Cluster"},
		{"ERR unknown command 'sentinel'", "not a Sentinel"},
		{"ERR max number of clients reached", "maxclients"},
	} {
		s := serve(t, greeted(func(conn *fakeConn, _ []string) { conn.say("-%s\r\n", c.says) }))
		_, err := openURL(t, s.url(), deps()).Stat(t.Context(), "key")
		if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrUnavailable with %q", c.says, err, c.want)
		}
	}
}

// TLS on one side only is named, whichever side it is.
func TestTLSOnOneSide(t *testing.T) {
	plain := serve(t, func(c *fakeConn, _ []string) { c.say("-ERR unknown command\r\n") })
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for _, c := range []struct{ url, want string }{
		{"rediss://" + plain.listener.Addr().String(), "begin store.url with redis instead of rediss"},
		{"redis://" + serve(t, func(c *fakeConn, _ []string) { _ = c.Close() }).listener.Addr().String(), "begin store.url with rediss instead of redis"},
		{"redis://" + alertingListener(t), "begin store.url with rediss instead of redis"},
		{"rediss://" + secure.Listener.Addr().String(), "ca_file"},
	} {
		_, err := openURL(t, c.url+"?timeout=1s&connect_timeout=1s", deps()).Stat(t.Context(), "key")
		if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrUnavailable with %q", c.url, err, c.want)
		}
	}
}

// alertingListener answers as a TLS server does that is not spoken to in TLS.
func alertingListener(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1))
			_, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70})
			_ = c.Close()
		}
	}()
	return listener.Addr().String()
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, err = openURL(t, "redis://"+listener.Addr().String(), deps()).Stat(t.Context(), "key")
	if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "check host and port of store.url") {
		t.Errorf("Stat: %v", err)
	}
}

// A sentinel that does not know the master is not an empty store.
func TestUnknownMaster(t *testing.T) {
	for says, want := range map[string]string{
		"*-1\r\n":                              "correct the parameter master",
		"-NOAUTH Authentication required.\r\n": "sentinel_password_file",
	} {
		s := serve(t, greeted(func(c *fakeConn, _ []string) { c.say("%s", says) }))
		store := openURL(t, strings.Replace(s.url(), "redis:", "redis+sentinel:", 1)+"?master=unknown&timeout=500ms", deps())
		_, err := store.Stat(t.Context(), "key")
		if !errors.Is(err, ports.ErrUnavailable) || errors.Is(err, ports.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("a sentinel that says %q: %v, want ErrUnavailable with %q", says, err, want)
		}
	}
}

// A sentinel that has not heard of a failover may name a server that is a replica by now. What
// a replica would answer may be old.
func TestSentinelNamesAReplica(t *testing.T) {
	var role atomic.Value
	role.Store("replica")
	var k keeper
	named := serve(t, func(c *fakeConn, command []string) {
		if command[0] == "hello" {
			c.say("*2\r\n%s%s", bulk("role"), bulk(role.Load().(string)))
			return
		}
		k.answer(c, command)
	})
	host, port, err := net.SplitHostPort(named.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, greeted(func(c *fakeConn, command []string) {
		switch strings.ToLower(strings.Join(command[:min(2, len(command))], " ")) {
		case "sentinel get-master-addr-by-name":
			c.say("*2\r\n%s%s", bulk(host), bulk(port))
		case "sentinel sentinels":
			c.say("*0\r\n")
		case "subscribe +switch-master":
			c.say("*3\r\n%s%s:1\r\n", bulk("subscribe"), bulk(command[1]))
		default:
			c.say("-ERR unknown command '%s'\r\n", command[0])
		}
	}))
	store := openURL(t, strings.Replace(s.url(), "redis:", "redis+sentinel:", 1)+"?master=documents&timeout=2s", deps())
	if _, err := store.Stat(t.Context(), "key"); !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "is a replica") {
		t.Errorf("Stat, with a replica named as the master: %v, want ErrUnavailable that says so", err)
	}
	role.Store("master")
	if _, err := store.Stat(t.Context(), "key"); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("Stat, with a master: %v, want ErrNotFound", err)
	}
}

// A file that became unreadable while the proxy runs is named, with the user.
func TestUnreadablePasswordFile(t *testing.T) {
	d, readable := deps(), true
	d.ReadFile = func(name string) ([]byte, error) {
		if !readable {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
		return []byte("secret"), nil
	}
	s := serve(t, greeted(silent))
	store := openURL(t, s.url()+"?password_file=/run/secrets/redis&timeout=500ms", d)
	readable = false
	if _, err := redis.Open(t.Context(), &url.URL{Scheme: "redis", Host: "localhost", RawQuery: "password_file=/run/secrets/redis"}, d); err == nil || !strings.Contains(err.Error(), "(uid ") {
		t.Errorf("Open: %v, want an error that names the user", err)
	}
	_, err := store.Stat(t.Context(), "key")
	if want := fmt.Sprintf("(uid %d)", os.Getuid()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "/run/secrets/redis") {
		t.Errorf("Stat: %v, want an error with the file and %q", err, want)
	}
}

// Connections are replaced after their time, that of the subscription too, and no
// change is missed meanwhile.
func TestConnectionsAreReplaced(t *testing.T) {
	subscribed := make(chan *fakeConn, 100)
	s := serve(t, greeted(func(c *fakeConn, command []string) {
		switch command[0] {
		case "subscribe":
			c.say("*3\r\n%s%s:1\r\n", bulk("subscribe"), bulk(command[1]))
			subscribed <- c
		case "ping":
			// A change that came just before the subscription is given up.
			c.say("*3\r\n%s%s%s", bulk("message"), bulk("edge-proxy:changes"), bulk("last"))
			c.say("*2\r\n%s%s", bulk("pong"), bulk(append(command, "")[1]))
		default:
			c.say("*-1\r\n")
		}
	}))
	store := openURL(t, s.url()+"?connection_lifetime=50ms", deps())
	woken := make(chan domain.EnvironmentKey, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- store.Watch(t.Context(), []domain.EnvironmentKey{"last"}, func(key domain.EnvironmentKey) { woken <- key })
	}()
	first := <-subscribed
	<-woken // the first of all
	second := <-subscribed
	if first.Conn == second.Conn {
		t.Error("the subscription was repeated on the same connection")
	}
	select {
	case <-woken:
	case err := <-ended:
		t.Fatalf("Watch returned %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("a change on the former connection was lost")
	}
	<-subscribed // and so on
	select {
	case err := <-ended:
		t.Errorf("Watch returned %v", err)
	default:
	}
}
