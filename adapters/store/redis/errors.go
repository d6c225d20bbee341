package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/ports"
)

// failure turns the error of a call into what the port promises. ctx is the
// caller's: only its end is a context's error, the time-outs of go-redis and of
// our own are ports.ErrUnavailable. Their causes are told as text and not wrapped,
// lest errors.Is takes a time-out of theirs for the caller's.
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

// serverCause says what a server's error means to an operator. An error we do not
// know is shown up to the arguments that Redis repeats in some, a password being
// one of them.
func serverCause(err goredis.Error) string {
	switch code(err) {
	case "LOADING":
		return "Redis is loading its data (LOADING)"
	case "READONLY":
		return "this server is a replica (READONLY); a failover is under way, or the URL names a replica"
	case "MASTERDOWN":
		return "the replica has lost its master (MASTERDOWN)"
	case "CLUSTERDOWN":
		return "the cluster lacks nodes (CLUSTERDOWN)"
	case "TRYAGAIN", "MOVED", "ASK":
		return "the cluster is moving the key (" + code(err) + ")"
	case "CROSSSLOT":
		return "this is a cluster (CROSSSLOT); use a redis+cluster URL"
	case "OOM":
		return "Redis is at its memory limit (OOM)"
	case "MISCONF":
		return "Redis cannot save to its disk and takes no writes (MISCONF)"
	case "NOREPLICAS":
		return "Redis has too few replicas to take writes (NOREPLICAS)"
	case "BUSY":
		return "Redis is busy with somebody's script (BUSY)"
	case "NOAUTH":
		return "Redis wants a password (NOAUTH)"
	case "WRONGPASS":
		return "Redis refuses the user or password (WRONGPASS)"
	case "NOPERM":
		return "the user may not do this (NOPERM); see the package's documentation for the permissions it needs"
	}
	text, _, _ := strings.Cut(err.Error(), ", with args")
	text, _, _ = strings.Cut(text, " script: ") // its digest
	return text
}

func networkCause(err error) string {
	var timeout net.Error
	switch {
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
