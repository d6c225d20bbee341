package app

import (
	"context"
	"errors"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// This file is a keeper's dealings with the server-side keys of its environment.

var errNoKey = errors.New("no valid server-side key")

// rotate replaces the keys. The document that is held stays, and nothing is
// fetched for it, unless there was no key to fetch with before.
func (k *keeper) rotate(keys domain.EnvironmentKeys) {
	now := k.deps.Now()
	lacked := len(k.keys.Load().FetchKeys(now)) == 0
	k.keys.Store(&keys)
	if lacked && len(keys.FetchKeys(now)) > 0 {
		k.wakes.byKeys()
	}
}

// awaitsKeys reports whether the valid server-side keys are known by their digests
// only, as after a restart: discovery is to bring the keys themselves.
func (k *keeper) awaitsKeys() bool {
	keys, now := k.keys.Load(), k.deps.Now()
	return keys.Valid(now) && len(keys.FetchKeys(now)) == 0
}

// followOnly is a turn without keys: nodes that have them are to poll.
func (k *keeper) followOnly(ctx context.Context) {
	if k.leading {
		_ = k.dropLease(ctx)
	}
	k.follow(ctx)
}

// fetchWithAnyKey sends a request with the key that worked last and, when upstream
// refuses that one, with the others: the old key of a rotation is deleted upstream
// before everybody has heard of it.
func (k *keeper) fetchWithAnyKey(ctx context.Context, request ports.DocumentRequest) (ports.Document, error) {
	keys := k.keys.Load().FetchKeys(k.deps.Now())
	if len(keys) == 0 {
		return ports.Document{}, &ports.FetchError{Err: errNoKey, Cause: "every server-side key of this environment has expired"}
	}
	if i := slices.Index(keys, k.working); i > 0 {
		keys[0], keys[i] = keys[i], keys[0]
	}
	var answer ports.Document
	var err error
	for i, key := range keys {
		request.Key = key
		answer, err = k.deps.Upstream.FetchDocument(ctx, request)
		if !refused(err) {
			if err == nil && i > 0 {
				k.logger.WarnContext(ctx, "server_side_key_refused", "server_side_key", keys[0].String(), "used_instead", key.String(),
					"hint", "upstream does not accept this key any more: remove it where it is configured")
			}
			if err == nil {
				k.working = key
			}
			break
		}
	}
	return answer, err
}

// refused reports whether upstream did not accept the key.
func refused(err error) bool {
	var fetch *ports.FetchError
	return errors.As(err, &fetch) && (fetch.Status == 401 || fetch.Status == 403)
}
