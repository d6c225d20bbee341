package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/ports"
)

// failure turns the error of a call into what the port promises. ctx is the
// caller's: only its end is a context's error, the time-outs of go-redis and of
// our own are ports.ErrUnavailable. Their causes are text and not wrapped, so that
// errors.Is does not take a time-out of theirs for the caller's.
func failure(ctx context.Context, call string, err error) error {
	if err == nil {
		return nil
	}
	if ended := contextError(ctx); ended != nil {
		return fmt.Errorf("redis: %s: %w", call, ended)
	}
	var server goredis.Error
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrConflict), errors.Is(err, ports.ErrCorrupt),
		errors.Is(err, ports.ErrClosed), errors.Is(err, errInvalid):
		return fmt.Errorf("redis: %s: %w", call, err)
	case errors.Is(err, goredis.ErrClosed):
		return fmt.Errorf("redis: %s: %w", call, ports.ErrClosed)
	case errors.Is(err, goredis.Nil):
		return fmt.Errorf("redis: %s: %w", call, ports.ErrNotFound)
	case errors.As(err, &server):
		if code(server) == "WRONGTYPE" {
			return fmt.Errorf("redis: %s: %w", call, corrupt("the key holds another type"))
		}
		return fmt.Errorf("redis: %s: %w: %s", call, ports.ErrUnavailable, serverCause(server))
	}
	return fmt.Errorf("redis: %s: %w: %s", call, ports.ErrUnavailable, networkCause(err))
}

// errInvalid is a caller's mistake, such as a time that cannot be stored.
var errInvalid = errors.New("invalid argument")

// contextError returns ctx's error when it has ended. A deadline may reach the
// connection a moment before ctx itself.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// code is the word that a server's errors begin with.
func code(err goredis.Error) string {
	word, _, _ := strings.Cut(err.Error(), " ")
	return word
}

// explain replaces errors whose cause depends on how the servers belong together.
func (t topology) explain(err error) error {
	var server goredis.Error
	isServer := errors.As(err, &server)
	if t != cluster && isServer {
		switch word := code(server); word {
		case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT":
			return fmt.Errorf("this server is a node of a Cluster (%s): begin store.url with redis+cluster:// (rediss+cluster:// for TLS)", word)
		}
	}
	if t == sentinel && err != nil && strings.Contains(err.Error(), "sentinels") {
		switch {
		case errors.Is(err, goredis.Nil):
			return errors.New("the sentinels know no master of this name: correct the parameter master of store.url")
		case isServer && (code(server) == "NOAUTH" || code(server) == "WRONGPASS"):
			return fmt.Errorf("the sentinels want another password (%s): correct the parameters sentinel_username and sentinel_password_file of store.url", code(server))
		}
	}
	return err
}

// serverCauses are what the codes of servers' errors mean to an operator.
var serverCauses = map[string]string{
	"LOADING":     "Redis is loading its data (LOADING)",
	"READONLY":    "this server is a replica (READONLY); a failover is under way, or store.url names a replica instead of the master",
	"MASTERDOWN":  "the replica has lost its master (MASTERDOWN)",
	"CLUSTERDOWN": "the cluster lacks nodes (CLUSTERDOWN)",
	"CROSSSLOT":   "this is a cluster (CROSSSLOT); use a redis+cluster URL",
	"OOM":         "Redis is at its memory limit (OOM)",
	"MISCONF":     "Redis cannot save to its disk and takes no writes (MISCONF)",
	"NOREPLICAS":  "Redis has too few replicas to take writes (NOREPLICAS)",
	"DENIED":      "Redis takes connections from its own host only (DENIED, protected mode): give it a password, or switch protected-mode off",
	"BUSY":        "Redis is busy with somebody's script (BUSY)",
	"NOAUTH":      "Redis wants a password (NOAUTH): set it in store.url or by the parameter password_file",
	"WRONGPASS":   "Redis refuses the user or password (WRONGPASS): correct them in store.url or in the file of password_file",
	"NOPERM":      "the user may not do this (NOPERM): give it the permissions that docs/stores.md lists",
	"TRYAGAIN":    "the cluster is moving the key (TRYAGAIN)",
	"MOVED":       "the cluster is moving the key (MOVED)",
	"ASK":         "the cluster is moving the key (ASK)",
}

// serverCause says what a server's error means to an operator. An error we do not
// know is shown up to the arguments that Redis repeats in some, a password being
// one of them.
func serverCause(err goredis.Error) string {
	if known := serverCauses[code(err)]; known != "" {
		return known
	}
	text, _, _ := strings.Cut(err.Error(), ", with args")
	text, _, _ = strings.Cut(text, " script: ") // its digest
	for part, hint := range map[string]string{
		"without any password configured": "Redis has no password, but store.url gives one: remove it",
		"no password is set":              "Redis has no password, but store.url gives one: remove it",
		"invalid password":                "Redis refuses the password: correct it in store.url or in the file of password_file",
		"arguments for 'auth'":            "this Redis is older than 6 and knows no users: remove the user from store.url",
		"DB index is out of range":        "Redis has no database of this number: correct the path of store.url",
		"not allowed in cluster mode":     "this server is a node of a Cluster, which has database 0 only: begin store.url with redis+cluster://",
		"cluster support disabled":        "this server is not a Cluster: begin store.url with redis:// (rediss:// for TLS)",
		"unknown command 'sentinel'":      "this server is not a Sentinel: name the hosts and ports of Sentinels, or begin store.url with redis://",
		"max number of clients":           "Redis takes no more connections; raise its maxclients or lower pool_size",
	} {
		if strings.Contains(text, part) {
			return hint + " (" + text + ")"
		}
	}
	return text
}

// handshakeError is a failed TLS handshake.
type handshakeError struct {
	addr string
	err  error
}

func (e *handshakeError) Error() string { return "TLS handshake with " + e.addr + ": " + cause(e.err) }
func (e *handshakeError) Unwrap() error { return e.err }

// cause adds to the error of a handshake what the operator can do.
func cause(err error) string {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var alert tls.AlertError
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: correct the port, or begin store.url with redis instead of rediss"
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return "no answer; where this port does not speak TLS, begin store.url with redis instead of rediss"
	case errors.As(err, &authority):
		return err.Error() + ": set the parameter ca_file to the certificate of the authority that signed it"
	case errors.As(err, &host):
		return err.Error() + ": set the parameter server_name to a name in the certificate"
	case errors.As(err, &alert):
		return err.Error() + ": the server refuses this client; check the parameters cert_file and key_file"
	}
	return err.Error()
}

// errSpeaksTLS is what a connection without TLS returns when the server begins with
// TLS.
var errSpeaksTLS = errors.New("the server speaks TLS on this port: begin store.url with rediss instead of redis")

// errClosedAtOnce is what a connection without TLS returns when the server closes it
// before it has sent anything, as Redis does where it expects TLS.
var errClosedAtOnce = errors.New("the server closed the connection without an answer; where it expects TLS, begin store.url with rediss instead of redis")

func networkCause(err error) string {
	var handshake *handshakeError
	var timeout net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &handshake):
		return handshake.Error()
	case errors.Is(err, errClosedAtOnce):
		return errClosedAtOnce.Error()
	case errors.As(err, &name):
		return err.Error() + ": check the host name in store.url"
	case errors.Is(err, syscall.ECONNREFUSED):
		return err.Error() + ": nothing listens there; check host and port of store.url, and that Redis runs"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		// Of another call that wanted the same connection.
		return "the connection was given up"
	case errors.Is(err, goredis.ErrPoolTimeout), errors.Is(err, goredis.ErrPoolExhausted):
		return "all connections are busy"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection"
	}
	return err.Error()
}
