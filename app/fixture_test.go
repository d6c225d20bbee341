package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// This file holds what the tests of this package run an App with. All of them
// run in a bubble of testing/synctest, so that time is exact and takes none.

const (
	interval = 10 * time.Second
	key      = domain.EnvironmentKey("client-1")
)

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// document is an environment document of the given time whose only flag has this
// name. A zero time leaves updated_at out.
func document(key domain.EnvironmentKey, at time.Time, flag string) []byte {
	updated := ""
	if !at.IsZero() {
		updated = fmt.Sprintf(`"updated_at":%q,`, at.UTC().Format(time.RFC3339Nano))
	}
	return fmt.Appendf(nil, `{%s"api_key":%q,"name":"Test","project":{"segments":[]},"feature_states":[{"django_id":1,"enabled":true,"feature":{"id":1,"name":%q,"type":"STANDARD"},"feature_state_value":null}]}`,
		updated, key, flag)
}

// request is one that upstream got.
type request struct {
	at          time.Time
	node        string
	key         domain.EnvironmentKey
	server      string // the server-side key
	conditional bool
	discovered  bool
}

// upstream answers as Flagsmith does, with Last-Modified in whole seconds,
// unless fails says otherwise. It is an upstream of several nodes: see of.
type upstream struct {
	mu        sync.Mutex
	documents map[domain.EnvironmentKey]served
	requests  []request
	asked     map[domain.EnvironmentKey]int // the number of requests for each key
	deleted   map[string]bool               // server-side keys that are refused
	underWay  int
	peak      int
	// fails, if set, is asked with each request's number for its key, from 1; nil
	// lets it be answered.
	fails func(node string, key domain.EnvironmentKey, n int) error
	// takes, if set, says how long an answer takes.
	takes func(key domain.EnvironmentKey, n int) time.Duration
	// ahead is by how much its clock is ahead of everybody else's.
	ahead time.Duration
}

type served struct {
	body []byte
	at   time.Time
}

func newUpstream() *upstream {
	return &upstream{documents: map[domain.EnvironmentKey]served{}, asked: map[domain.EnvironmentKey]int{}, deleted: map[string]bool{}}
}

// put changes what is served for a key.
func (u *upstream) put(key domain.EnvironmentKey, at time.Time, flag string) {
	u.putBody(key, at, document(key, at, flag))
}

func (u *upstream) putBody(key domain.EnvironmentKey, at time.Time, body []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.documents[key] = served{body, at}
}

// delete makes a server-side key unknown.
func (u *upstream) delete(server string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deleted[server] = true
}

// script sets how requests fail from now on.
func (u *upstream) script(fails func(node string, key domain.EnvironmentKey, n int) error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fails = fails
}

func (u *upstream) slow(takes func(key domain.EnvironmentKey, n int) time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.takes = takes
}

// of returns the requests for key, in their order.
func (u *upstream) of(key domain.EnvironmentKey) []request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(u.requests), func(r request) bool { return r.key != key })
}

// since returns the requests for key from at on.
func (u *upstream) since(key domain.EnvironmentKey, at time.Time) []request {
	return slices.DeleteFunc(u.of(key), func(r request) bool { return r.at.Before(at) })
}

// most returns how many requests were under way at one time at most.
func (u *upstream) most() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.peak
}

// at is upstream as a node sees it.
func (u *upstream) at(node string) ports.Upstream { return seenFrom{u, node} }

type seenFrom struct {
	*upstream
	node string
}

func (s seenFrom) FetchDocument(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	u := s.upstream
	u.mu.Lock()
	u.requests = append(u.requests, request{time.Now(), s.node, r.Environment, r.Key.Reveal(), !r.IfModifiedSince.IsZero(), r.Discovered})
	u.asked[r.Environment]++
	n := u.asked[r.Environment]
	fails, takes := u.fails, u.takes
	u.underWay++
	u.peak = max(u.peak, u.underWay)
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		u.underWay--
		u.mu.Unlock()
	}()
	if takes != nil {
		select {
		case <-time.After(takes(r.Environment, n)):
		case <-ctx.Done():
			return ports.Document{}, ctx.Err()
		}
	}
	if fails != nil {
		if err := fails(s.node, r.Environment, n); err != nil {
			return ports.Document{}, err
		}
	}
	u.mu.Lock()
	d, ok := u.documents[r.Environment]
	ok = ok && !u.deleted[r.Key.Reveal()]
	date := time.Now().Add(u.ahead).Truncate(time.Second)
	u.mu.Unlock()
	switch {
	case !ok:
		return ports.Document{}, &ports.FetchError{Status: 403, Cause: "the server-side key is wrong"}
	case !r.IfModifiedSince.IsZero() && !d.at.IsZero() && !d.at.Truncate(time.Second).After(r.IfModifiedSince):
		return ports.Document{NotModified: true, Date: date}, nil
	default:
		return ports.Document{Body: d.body, Date: date}, nil
	}
}

// down is a failure as of an upstream that is away.
func down(string, domain.EnvironmentKey, int) error {
	return &ports.FetchError{Status: 503, Cause: "not available at the moment"}
}

// input is a way in that nobody comes through.
type input struct {
	mu     sync.Mutex
	steps  []string // what was called, in order
	ended  chan struct{}
	opens  func()        // called by Listen; may be nil
	refuse error         // what Listen returns
	hold   time.Duration // how long Shutdown takes
}

func newInput() *input { return &input{ended: make(chan struct{})} }

func (i *input) note(step string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.steps = append(i.steps, step)
}

func (i *input) called() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.steps)
}

func (i *input) Listen(context.Context) (string, error) {
	i.note("listen")
	if i.opens != nil {
		i.opens()
	}
	return "127.0.0.1:1", i.refuse
}

func (i *input) Serve() error { <-i.ended; return nil }
func (i *input) Drain()       { i.note("drain") }
func (i *input) Undrain()     { i.note("undrain") }

func (i *input) Shutdown(ctx context.Context) error {
	i.note("shutdown")
	defer close(i.ended)
	select {
	case <-time.After(i.hold):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// presenter prepares nothing.
type presenter struct{}

func (presenter) Present(*app.Environment) app.Presentation { return nil }

// journal collects what is logged.
type journal struct {
	mu     *sync.Mutex
	lines  *[]line
	common []slog.Attr
}

type line struct {
	level slog.Level
	event string
	with  map[string]string
}

func newJournal() journal { return journal{&sync.Mutex{}, &[]line{}, nil} }

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithGroup(string) slog.Handler            { return j }
func (j journal) WithAttrs(a []slog.Attr) slog.Handler {
	return journal{j.mu, j.lines, slices.Concat(j.common, a)}
}

func (j journal) Handle(_ context.Context, r slog.Record) error {
	l := line{r.Level, r.Message, map[string]string{}}
	for _, a := range j.common {
		l.with[a.Key] = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool { l.with[a.Key] = a.Value.String(); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	*j.lines = append(*j.lines, l)
	return nil
}

// named returns what was logged of an event.
func (j journal) named(event string) []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(*j.lines), func(l line) bool { return l.event != event })
}

// node is an App and what it stands on.
type node struct {
	*app.App
	config app.Config
	input  *input
	log    journal
	stop   context.CancelFunc
	ended  chan error
}

// setup is how a node is started. The zero setup is one environment, an own
// store and the defaults of the configuration.
type setup struct {
	name         string
	environments []domain.EnvironmentKeys
	store        ports.Store
	upstream     ports.Upstream
	now          func() time.Time
	random       func() float64
	input        *input
	presenter    app.Presenter
	notifier     ports.Notifier
	discoverer   ports.Discoverer
	background   func(work func())
	observer     app.Observer
	opens        func(*node) // called when the listener opens; may be nil
	change       func(*app.Config)
	deps         func(*app.Deps)
}

func environments(keys ...domain.EnvironmentKey) []domain.EnvironmentKeys {
	var list []domain.EnvironmentKeys
	for _, k := range keys {
		list = append(list, domain.EnvironmentKeys{Client: k, Server: []domain.Credential{domain.NewCredential(domain.NewServerKey("ser."+string(k)), time.Time{})}})
	}
	return list
}

func memoryURL() *url.URL { return &url.URL{Scheme: memory.Scheme} }

// handle opens a store on a backend.
func handle(t *testing.T, b *sharedmemory.Backend) ports.Store {
	t.Helper()
	s, err := b.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seeded returns random numbers that are the same each time.
func seeded(seed uint64) func() float64 {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, 1))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Float64()
	}
}

// start runs a node until the end of the test at most.
func start(t *testing.T, u *upstream, s setup) *node {
	t.Helper()
	if s.name == "" {
		s.name = "node-1"
	}
	if s.environments == nil && s.discoverer == nil {
		s.environments = environments(key)
	}
	if s.store == nil {
		s.store = handle(t, sharedmemory.New())
	}
	if s.upstream == nil {
		s.upstream = u.at(s.name)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = seeded(uint64(len(s.name)) + uint64(s.name[len(s.name)-1]))
	}
	if s.input == nil {
		s.input = newInput()
	}
	if s.presenter == nil {
		s.presenter = presenter{}
	}
	grace := 30 * time.Second
	config := app.Config{
		Environments: s.environments, Freshness: domain.Freshness{PollInterval: interval, Grace: &grace}, PollConcurrency: 16,
		Lease: 2 * interval, Node: s.name, DrainDelay: 3 * time.Second, ShutdownTimeout: 9 * time.Second,
	}
	if s.change != nil {
		s.change(&config)
	}
	ctx, stop := context.WithCancel(t.Context())
	n := &node{config: config, input: s.input, log: newJournal(), stop: stop, ended: make(chan error, 1)}
	deps := app.Deps{
		Upstream: s.upstream, Notifier: s.notifier, Discoverer: s.discoverer, Store: s.store, Presenter: s.presenter,
		Logger: slog.New(n.log), Now: s.now, Random: s.random, Background: s.background, Observer: s.observer,
	}
	if s.deps != nil {
		s.deps(&deps)
	}
	n.App = app.New(config, deps)
	if s.opens != nil {
		s.input.opens = func() { s.opens(n) }
	}
	go func() { n.ended <- n.Run(ctx, s.input) }()
	t.Cleanup(func() {
		stop()
		<-n.ended
	})
	return n
}

// end stops a node and returns what Run did.
func (n *node) end() error {
	n.stop()
	err := <-n.ended
	n.ended <- err // for the cleanup
	return err
}

// flag returns the name of the served document's flag, "" without one.
func (n *node) flag(key domain.EnvironmentKey) string {
	e := n.Snapshot().Environment(key)
	if e == nil {
		return ""
	}
	return e.Program.Outcomes()[e.Program.Flags()[0]].Feature.Name
}

func (n *node) serves(t *testing.T, want string) {
	t.Helper()
	if got := n.flag(key); got != want {
		t.Errorf("%s: flag %q is served, want %q", time.Now().Format(time.TimeOnly), got, want)
	}
}

func (n *node) isState(t *testing.T, want domain.State) {
	t.Helper()
	if r := n.Readiness(); r.State != want {
		t.Errorf("%s: state %d (last update %v), want %d", time.Now().Format(time.TimeOnly), r.State, r.LastUpdate, want)
	}
}

// gaps returns the times between requests.
func gaps(requests []request) []time.Duration {
	var list []time.Duration
	for i := 1; i < len(requests); i++ {
		list = append(list, requests[i].at.Sub(requests[i-1].at))
	}
	return list
}
