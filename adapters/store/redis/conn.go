package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// dialer returns what go-redis connects with, to servers and sentinels alike.
func (l *location) dialer(read readFile) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: l.connectTimeout}
		if !l.secure {
			raw, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			c := newConn(raw, l.timeout)
			c.plain = true
			return c, nil
		}

		config, err := l.tlsConfig(addr, read)
		if err != nil {
			return nil, err
		}
		raw, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(newConn(raw, l.timeout), config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, &handshakeError{addr, err}
		}
		return secured, nil
	}
}

// errReplica is what a new connection returns when the server that the Sentinels named as the
// master is a replica, whose data may be old.
var errReplica = errors.New("the server that the Sentinels name as the master is a replica; a failover is under way")

// wantMaster returns errReplica unless cn leads to a master or, as go-redis asks for those
// connections too, to a Sentinel, which has no role. A Sentinel may name a server that is
// being demoted; a replica would answer all reads, and nothing would end the connection. A
// master's connections end when it is demoted.
func wantMaster(ctx context.Context, cn *goredis.Conn) error {
	greeting, err := cn.Hello(ctx, 2, "", "", "").Result()
	var refused goredis.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	// A server that refuses a greeting refuses the call too, or has no roles.
	if role, ok := greeting["role"]; ok && role != "master" {
		return errReplica
	}
	return nil
}

// conn is a connection that fails once the server has been silent for too long,
// however much time the whole exchange was given: a server that hangs is found
// out within seconds, and a document of any size may take the time it needs as
// long as it moves. Without a deadline it waits forever, as a subscription must.
type conn struct {
	net.Conn
	silence time.Duration
	plain   bool // nothing was read yet from a connection without TLS
	made    time.Time
	// The deadlines that were set, as the time since made, so that the wall clock does not
	// matter; 0: none.
	readBy, writeBy atomic.Int64
}

func newConn(raw net.Conn, silence time.Duration) *conn {
	return &conn{Conn: raw, silence: silence, made: time.Now()}
}

// writePiece is how much is written between two looks at the clock.
const writePiece = 256 << 10

func (c *conn) Read(p []byte) (int, error) {
	if by := c.readBy.Load(); by != 0 {
		if err := c.Conn.SetReadDeadline(c.soonest(by)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	if c.plain && n == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
		return 0, errClosedAtOnce
	}
	if c.plain && n > 0 {
		c.plain = false
		const alert = 0x15 // the kind of a TLS record; no answer of Redis begins so
		if p[0] == alert {
			return 0, errSpeaksTLS
		}
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		piece := p[written:min(written+writePiece, len(p))]
		if by := c.writeBy.Load(); by != 0 {
			if err := c.Conn.SetWriteDeadline(c.soonest(by)); err != nil {
				return written, err
			}
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

func (c *conn) soonest(by int64) time.Time {
	deadline := c.made.Add(time.Duration(by))
	if patience := time.Now().Add(c.silence); patience.Before(deadline) {
		return patience
	}
	return deadline
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.readBy.Store(c.sinceMade(t))
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.Store(c.sinceMade(t))
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) sinceMade(deadline time.Time) int64 {
	if deadline.IsZero() {
		return 0
	}
	return int64(cmp.Or(deadline.Sub(c.made), 1))
}

// SyscallConn lets go-redis see whether the server has closed an idle connection.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	raw, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return raw.SyscallConn()
}
