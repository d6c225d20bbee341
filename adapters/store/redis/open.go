package redis

import (
	"context"
	"fmt"
	"net/url"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Schemes returns the schemes of store URLs that Open takes.
func Schemes() []string {
	return []string{
		"redis", "rediss",
		"redis+cluster", "rediss+cluster",
		"redis+sentinel", "rediss+sentinel",
	}
}

var _ ports.OpenStore = Open

// Open opens the store that u names; the package's documentation lists the forms
// of u and its parameters. It reads the files u names but connects to nothing:
// each call connects when it needs to. Its errors are those that an operator has
// to fix, in u or in the files, and show no part of u that may be a secret.
//
// go-redis writes its own lines to standard error, for the whole process. Open
// turns that off: all that matters comes back as an error.
func Open(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	l, err := parseLocation(u)
	if err != nil {
		return nil, fmt.Errorf("redis: store.url: %w", err)
	}
	read := withUser(d.ReadFile)
	// Only to check them: each connection reads them again.
	if _, _, err := l.credentials(read); err != nil {
		return nil, fmt.Errorf("redis: store.url: %w", err)
	}
	if l.secure {
		if _, err := l.tlsConfig(l.addrs[0], read); err != nil {
			return nil, fmt.Errorf("redis: store.url: %w", err)
		}
	}
	options, err := l.options(read)
	if err != nil {
		return nil, fmt.Errorf("redis: store.url: %w", err)
	}
	logging.Disable()
	return newStore(goredis.NewUniversalClient(options), l, d), nil
}

// callLimit bounds what go-redis does outside any call of ours, such as asking a
// cluster for its nodes in the background. Calls have closer bounds, and a silent
// server is found out sooner, see conn.
const callLimit = 2 * time.Minute

func (l *location) options(read readFile) (*goredis.UniversalOptions, error) {
	options := &goredis.UniversalOptions{
		Addrs:         l.addrs,
		DB:            l.database,
		IsClusterMode: l.topology == cluster,
		MasterName:    l.master,
		Dialer:        l.dialer(read),
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			return l.credentials(read)
		},

		// RESP2 says all we need, and every server and proxy speaks it.
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},

		ContextTimeoutEnabled: true,
		DialTimeout:           l.connectTimeout,
		ReadTimeout:           callLimit,
		WriteTimeout:          callLimit,
		PoolTimeout:           l.timeout,
		PoolSize:              l.poolSize,
		ConnMaxIdleTime:       5 * time.Minute,
		ConnMaxLifetime:       l.connectionLifetime,
		ConnMaxLifetimeJitter: l.connectionLifetime / 10,

		// Callers of the store back off and try again; here one repetition
		// covers connections that a restarted server left half closed. Repeating
		// is safe, see scripts.go.
		DialerRetries:   1,
		MaxRetries:      1,
		MinRetryBackoff: 10 * time.Millisecond,
		MaxRetryBackoff: 100 * time.Millisecond,
	}
	if l.topology == cluster {
		options.MaxRetries = -1 // the cluster client repeats by itself, on other nodes too
	}
	if l.topology == sentinel {
		options.OnConnect = wantMaster
	}
	if l.sentinelPasswordFile != "" {
		password, err := readPassword(read, "sentinel_password_file", l.sentinelPasswordFile)
		if err != nil {
			return nil, err
		}
		options.SentinelUsername, options.SentinelPassword = l.sentinelUsername, password
	}
	return options, nil
}
