package reporting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// spoolName begins the names of spools, as states and as leases; a number follows.
	// The lease with the bare name is for the process that empties the spools of
	// others.
	spoolName = "usage/spool"
	// mostSpools bounds the search for a free spool.
	mostSpools = 4096
	// shortestLease is the least time for which a process keeps a spool without
	// renewing its lease.
	shortestLease = 15 * time.Second
)

var (
	// errTakenOver: another process has what was saved last.
	errTakenOver = errors.New("another node has taken over the spool")
	errNoSpool   = fmt.Errorf("all of %d spools are in use", mostSpools)
	errUncertain = errors.New("it is not known whether it was stored")
)

// ErrNotCalled: a SpoolStore returned an error without the backend having been
// called, so that nothing has changed there.
var ErrNotCalled = errors.New("the store was not called")

// SpoolStore is the part of a store that usage needs. Its calls return in bounded time.
type SpoolStore interface {
	ports.Leaser
	ports.Stater
}

// spool is where one process keeps the batches that upstream has not accepted yet.
//
// A store has numbered spools, as many as there ever were processes at one time. A
// process takes the first one without a lease, with its content. So a restarted process
// finds what it left, whatever its node was called. Spools of nodes that do not come
// back are emptied by other nodes after their leases have run out. Two processes that
// have the same batch send it under the same key, so that it counts once. A process
// whose spool was taken over learns it from the version when it saves. So whoever takes
// a spool over writes to it before it has its content: from then on the former process
// cannot save, and what was saved last does not change any more.
//
// A spool is used by one goroutine at a time.
type spool struct {
	store  SpoolStore
	node   string
	ttl    func() time.Duration
	now    func() time.Time
	logger *slog.Logger

	claimed bool
	name    string
	version ports.Version
	vacant  bool   // it was empty, and nothing was saved since
	saved   []byte // what is stored under version; nil: unknown
	tried   []byte // what a save whose outcome is unknown may have stored
	swept   time.Time
}

func newSpool(o UsageOptions) *spool {
	return &spool{
		store: o.Store, node: o.Node, now: o.Now, logger: o.Logger,
		// Each round extends the lease, and rounds are an interval apart.
		ttl: func() time.Duration { return max(2*o.Interval(), shortestLease) },
	}
}

func nameOf(number int) string { return fmt.Sprintf("%s/%d", spoolName, number) }

// claim makes sure that this process has a spool, and returns the content of a new one.
// Errors: errTakenOver, after which the former spool is lost; the store's.
func (s *spool) claim(ctx context.Context) ([]domain.UsageBatch, error) {
	if s.claimed {
		held, err := s.lease(ctx, s.name)
		if !held && err == nil {
			s.claimed, err = false, errTakenOver
		}
		return nil, err // without the store the spool stays what it is
	}
	for number := range mostSpools {
		name := nameOf(number)
		if err := s.ensure(ctx, name); err != nil {
			return nil, err
		}
		held, err := s.lease(ctx, name)
		if err != nil {
			return nil, err
		}
		if !held {
			continue
		}
		batches, version, err := s.takeOver(ctx, name)
		if errors.Is(err, ports.ErrConflict) { // its process is still there
			_ = ports.DropLease(ctx, s.store, name, s.node)
			continue
		}
		if err != nil {
			return nil, err
		}
		s.claimed, s.name, s.version, s.saved, s.tried = true, name, version, nil, nil
		s.vacant = len(batches) == 0
		return batches, nil
	}
	return nil, errNoSpool
}

// takeOver returns the content of a spool, whose lease this process has, after it has
// made sure that the former process cannot save any more. Errors: ports.ErrConflict if
// that process has saved meanwhile, so that it is still there; the store's. After an
// error the former process may still add to its batches.
func (s *spool) takeOver(ctx context.Context, name string) ([]domain.UsageBatch, ports.Version, error) {
	batches, version, err := s.read(ctx, name)
	if err != nil || len(batches) == 0 {
		return nil, version, err
	}
	version, err = s.put(ctx, name, encode(spoolText{Node: s.node, Taken: true}, batches), version)
	if err != nil {
		return nil, "", err
	}
	return batches, version, nil
}

// ensure creates the spool if it does not exist, so that a search that ends at the
// first missing one has seen all.
func (s *spool) ensure(ctx context.Context, name string) error {
	_, _, err := s.store.GetState(ctx, name)
	if !errors.Is(err, ports.ErrNotFound) && !errors.Is(err, ports.ErrCorrupt) {
		return err
	}
	if _, err = s.put(ctx, name, encode(spoolText{}, nil), ""); errors.Is(err, ports.ErrConflict) {
		return nil // another node was first
	}
	return err
}

// save stores batches in the spool, in place of its content. Without a spool (the store
// was away) it does nothing. Errors: errTakenOver, after which the spool is lost;
// errUncertain, after which the spool may hold batches; others, after which it is
// unchanged.
func (s *spool) save(ctx context.Context, batches []domain.UsageBatch) error {
	if !s.claimed {
		return nil
	}
	value := encode(spoolText{Node: s.node}, batches)
	if s.vacant && len(batches) == 0 {
		return nil
	}
	s.vacant = false
	if bytes.Equal(value, s.saved) {
		return nil
	}
	if s.tried != nil {
		if err := s.find(ctx); err != nil {
			return err
		}
	}
	version, err := s.put(ctx, s.name, value, s.version)
	switch {
	case err == nil:
		s.version, s.saved, s.tried = version, value, nil
		return nil
	case errors.Is(err, ports.ErrConflict):
		s.claimed = false
		return errTakenOver
	case errors.Is(err, errUncertain):
		s.tried = value
	}
	return err
}

// find finds out whether a save with an unknown outcome was stored.
func (s *spool) find(ctx context.Context) error {
	value, version, err := s.store.GetState(ctx, s.name)
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
		version = "" // the store lost it
	case err != nil:
		return err
	case version != s.version && !bytes.Equal(value, s.tried):
		s.claimed = false
		return errTakenOver
	}
	s.version, s.saved, s.tried = version, nil, nil
	return nil
}

// sweep empties the spools of processes that are gone, if it is time to and no other
// node does. It leaves those for which fits is false. keep must save its argument before
// it returns nil.
func (s *spool) sweep(ctx context.Context, fits func([]domain.UsageBatch) bool, keep func([]domain.UsageBatch) error) error {
	if !s.claimed {
		return nil
	}
	if since := s.now().Sub(s.swept); since >= 0 && since < s.ttl() {
		return nil
	}
	s.swept = s.now()
	if held, err := s.lease(ctx, spoolName); err != nil || !held {
		return err
	}
	for number := range mostSpools {
		name := nameOf(number)
		if name == s.name {
			continue
		}
		batches, _, err := s.read(ctx, name)
		switch {
		case errors.Is(err, ports.ErrNotFound):
			return nil
		case err != nil:
			return err
		case len(batches) == 0, !fits(batches):
			continue
		}
		held, err := s.lease(ctx, name)
		if err != nil {
			return err
		}
		if !held {
			continue
		}
		if err := s.empty(ctx, name, keep); err != nil {
			return err
		}
	}
	return nil
}

// empty passes the content of a spool, whose lease this process has, to keep, and
// empties it.
func (s *spool) empty(ctx context.Context, name string, keep func([]domain.UsageBatch) error) error {
	defer func() { _ = ports.DropLease(ctx, s.store, name, s.node) }()
	batches, version, err := s.takeOver(ctx, name)
	switch {
	case errors.Is(err, ports.ErrConflict):
		return nil // its process is still there
	case err != nil || len(batches) == 0:
		return err
	}
	if err := keep(batches); err != nil {
		return err
	}
	if _, err = s.put(ctx, name, encode(spoolText{}, nil), version); errors.Is(err, ports.ErrConflict) {
		return nil // another process has taken it over too, and sends the same batches under the same keys
	}
	return err
}

// release gives the spool back, with its content.
func (s *spool) release(ctx context.Context) {
	if !s.claimed {
		return
	}
	s.claimed = false
	_ = s.store.DropLeases(ctx, []string{s.name, spoolName}, s.node)
}

func (s *spool) lease(ctx context.Context, name string) (held bool, err error) {
	_, held, err = ports.TryLease(ctx, s.store, name, s.node, s.ttl())
	return held && err == nil, err
}

// put is the store's PutState. Its error wraps errUncertain if the value may have been
// stored.
func (s *spool) put(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	version, err := s.store.PutState(ctx, name, value, ifVersion)
	if err != nil && !errors.Is(err, ports.ErrConflict) && !errors.Is(err, ErrNotCalled) {
		err = fmt.Errorf("%w: %w", errUncertain, err)
	}
	return version, err
}

// read returns the content of a spool. Content that cannot be read is logged and
// treated as empty.
func (s *spool) read(ctx context.Context, name string) ([]domain.UsageBatch, ports.Version, error) {
	value, version, err := s.store.GetState(ctx, name)
	var batches []domain.UsageBatch
	if err == nil {
		batches, err = decode(value)
		if err == nil {
			return batches, version, nil
		}
	} else if !errors.Is(err, ports.ErrCorrupt) {
		return nil, "", err
	} else {
		version = ""
	}
	s.logger.ErrorContext(ctx, "usage_spool_unreadable", "name", name, "error", err, "effect", "what was in it is not reported")
	return nil, version, nil
}

// The content of a spool, as JSON. Resources have upstream's names.
type (
	spoolText struct {
		Node string `json:"node"`
		// Taken: Node has taken the batches over from another process, and saved nothing
		// since. So what it wrote differs from all that the other process did, even if
		// both have the same name.
		Taken   bool        `json:"taken,omitempty"`
		Batches []batchText `json:"batches"`
	}
	batchText struct {
		Key  string    `json:"key"`
		Rows []rowText `json:"rows"`
	}
	rowText struct {
		Environment string `json:"client_side_key"`
		Resource    string `json:"resource"`
		Count       int64  `json:"count"`
	}
)

// encode returns text with batches.
func encode(text spoolText, batches []domain.UsageBatch) []byte {
	text.Batches = make([]batchText, len(batches))
	for i, b := range batches {
		rows := make([]rowText, len(b.Rows))
		for j, r := range b.Rows {
			rows[j] = rowText{string(r.Environment), r.Resource.String(), r.Count}
		}
		text.Batches[i] = batchText{b.Key, rows}
	}
	value, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return value
}

func decode(value []byte) ([]domain.UsageBatch, error) {
	var text spoolText
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, err
	}
	batches := make([]domain.UsageBatch, len(text.Batches))
	for i, b := range text.Batches {
		if b.Key == "" || len(b.Rows) == 0 || len(b.Rows) > domain.MaxUsageRows {
			return nil, fmt.Errorf("batch %d has no key or %d rows", i, len(b.Rows))
		}
		rows := make([]domain.UsageRow, len(b.Rows))
		for j, r := range b.Rows {
			what, ok := resourceOf(r.Resource)
			if !ok || r.Environment == "" || r.Count <= 0 {
				return nil, fmt.Errorf("batch %d has an impossible row", i)
			}
			rows[j] = domain.UsageRow{Environment: domain.EnvironmentKey(r.Environment), Resource: what, Count: r.Count}
		}
		batches[i] = domain.UsageBatch{Key: b.Key, Rows: rows}
	}
	return batches, nil
}

func resourceOf(name string) (domain.Resource, bool) {
	for r := range domain.Resource(domain.NumResources) {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}
