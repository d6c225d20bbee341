package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// recordLife is how long a record stays after it was last confirmed, by Put or
// Touch, so that environments that are no longer served do not stay forever.
const recordLife = 7 * 24 * time.Hour

// Get implements ports.Reader.
func (s *store) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	const call = "get"
	e, body, err := s.whole(ctx, call, s.names.record(key))
	if err != nil {
		return ports.Record{}, err
	}
	r, err := recordOf(key, e)
	if err != nil {
		return ports.Record{}, failure(ctx, call, err)
	}
	r.Body = body
	return r, nil
}

// Stat implements ports.Reader. It cannot see whether the body is whole.
func (s *store) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	const call = "stat"
	e, err := s.about(ctx, call, s.names.record(key))
	if err != nil {
		return ports.Record{}, err
	}
	r, err := recordOf(key, e)
	return r, failure(ctx, call, err)
}

// recordOf returns e without its body. Errors: ports.ErrCorrupt.
func recordOf(key domain.EnvironmentKey, e entry) (ports.Record, error) {
	updatedAt, err := parseTime(e.updatedAt)
	if err != nil {
		return ports.Record{}, err
	}
	checkedAt, err := parseTime(e.checkedAt)
	if err != nil {
		return ports.Record{}, err
	}
	return ports.Record{
		Key:       key,
		UpdatedAt: updatedAt,
		CheckedAt: checkedAt,
		Version:   ports.Version(e.version),
	}, nil
}

// Put implements ports.Writer.
func (s *store) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	const call = "put"
	var e entry
	var err error
	if e.updatedAt, err = formatTime(r.UpdatedAt); err != nil {
		return "", failure(ctx, call, fmt.Errorf("%w: updated at: %w", errInvalid, err))
	}
	if e.checkedAt, err = formatTime(r.CheckedAt); err != nil {
		return "", failure(ctx, call, fmt.Errorf("%w: checked at: %w", errInvalid, err))
	}
	return s.replace(ctx, call, s.names.record(r.Key), e, r.Body, ifVersion, keeping{
		lasts:   recordLife,
		channel: s.names.changes(),
		message: string(r.Key),
	})
}

// Touch implements ports.Writer.
func (s *store) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	const call = "touch"
	checked, err := formatTime(checkedAt)
	if err != nil {
		return failure(ctx, call, fmt.Errorf("%w: checked at: %w", errInvalid, err))
	}
	answer, repeated, err := s.write(ctx, call, s.patience(0), s.scripts.touch, s.names.record(key),
		string(v), checked, recordLife.Milliseconds())
	if err != nil {
		return err
	}
	return failure(ctx, call, answered(answer, repeated))
}

// Delete implements ports.Writer. A Delete that was repeated may have removed what came
// after the first one.
func (s *store) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	const call = "delete"
	_, repeated, err := s.write(ctx, call, s.patience(0), s.scripts.remove, s.names.record(key), s.names.changes(), string(key))
	if err == nil && repeated {
		return failure(ctx, call, errRepeated)
	}
	return err
}

// scanStep is about how many keys Redis looks at in one step of List, during
// which it does nothing else.
const scanStep = 1000

// List implements ports.Reader. It scans all the keys of the database, those of
// others too: an index beside the records would be wrong after some of them
// expired, were evicted or lost. In a cluster all masters are asked, and must
// answer.
func (s *store) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	const call = "list"
	masters, err := do(ctx, s, call, s.patience(0), s.masters)
	if err != nil {
		return nil, err
	}
	seen := make(map[domain.EnvironmentKey]struct{})
	for _, master := range masters {
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			page, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (scanned, error) {
				names, next, err := master.Scan(ctx, cursor, s.names.records(), scanStep).Result()
				return scanned{names, next}, err
			})
			if err != nil {
				return nil, err
			}
			for _, name := range page.names {
				if key, ok := s.names.recordKey(name); ok {
					seen[key] = struct{}{} // a scan may meet a key twice
				}
			}
			cursor = page.next
		}
	}
	return slices.Collect(maps.Keys(seen)), nil
}

type scanned struct {
	names []string
	next  uint64
}

// masters returns a client for each server that holds keys.
func (s *store) masters(ctx context.Context) ([]goredis.Cmdable, error) {
	nodes, ok := s.client.(*goredis.ClusterClient)
	if !ok {
		return []goredis.Cmdable{s.client}, nil
	}
	var mu sync.Mutex
	var masters []goredis.Cmdable
	err := nodes.ForEachMaster(ctx, func(_ context.Context, master *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, master)
		return nil
	})
	return masters, err
}
