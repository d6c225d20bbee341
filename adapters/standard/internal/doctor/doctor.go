package doctor

import (
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Patience bounds an examination as a whole.
const Patience = 60 * time.Second

// Deps is what the doctor examines with: the same that serving opens. All of it is
// required.
type Deps struct {
	// OpenOrigin opens the source of documents. It connects to nothing.
	OpenOrigin func(s config.Settings, logger *slog.Logger) (Origin, error)
	// OpenStore opens a store so that closing it leaves nothing behind.
	OpenStore func(ctx context.Context, s config.Store, logger *slog.Logger) (ports.Store, error)
	// CheckCertificates returns why the files of server.tls, admin.tls or api_tls cannot be used.
	CheckCertificates func(config.Settings) error
	// MaxDocument returns the size in bytes from which a document is refused.
	MaxDocument func(config.Settings) int64
	// MemoryLimit is how many bytes the Go runtime will use when serving; 0: it is not
	// limited.
	MemoryLimit int64
	// ContainerMemory is how many bytes the container may use; 0: it is not limited.
	ContainerMemory int64
	// Processors is how much processor time the container may use, in processors; 0: it is
	// not limited.
	Processors float64
	// OpenFiles is how many files the process may open; 0: it is not limited.
	OpenFiles int
	// Version is this program's.
	Version string
}

// Origin is an open source of documents.
type Origin struct {
	ports.Upstream
	Discoverer ports.Discoverer  // nil: all environments are configured
	Notifier   ports.Notifier    // nil: changes are found by polling only
	API        *flagsmith.Client // nil: documents come from a directory
	Close      func()
}

// Options says what to examine.
type Options struct {
	Source config.Source
	// Proxy is the address of the proxy that may run here, such as
	// http://127.0.0.1:8000, and Admin that of its admin listener; "": not known.
	Proxy, Admin string
	// OwnCertificate says that Proxy is an address of this host, for which the
	// certificate of a proxy that speaks TLS is not made: it is not verified.
	OwnCertificate bool
	// AdminTLS is how Admin is asked where that is an address with https; nil: as any
	// other server.
	AdminTLS *tls.Config
	// AdminToken is the token of the admin listener; "": none.
	AdminToken string
	// AgainstAPI has answers of the running proxy compared with those of the API.
	AgainstAPI bool
}

// examination is one run.
type examination struct {
	Deps
	options   Options
	settings  config.Settings
	effective config.Effective

	mu      sync.Mutex
	results map[string]Result
}

// Run runs all checks, those that do not depend on each other at the same time, and
// returns what came of them within Patience. When ctx ends, checks under way fail.
func Run(ctx context.Context, d Deps, o Options) *Report {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	e := &examination{Deps: d, options: o, results: map[string]Result{}}
	usable := e.configuration()
	if usable {
		var all sync.WaitGroup
		for _, subject := range []func(context.Context){e.network, e.upstream, e.realtime, e.store, e.machine, e.running, e.answers} {
			all.Go(func() { subject(ctx) })
		}
		all.Wait()
	}
	return e.report(usable, time.Since(began))
}

// report returns the results so far. Checks that did not run are skipped.
func (e *examination) report(usable bool, took time.Duration) *Report {
	r := &Report{Schema: 1, Version: e.Version, Status: OK, Configuration: usable, Milliseconds: milliseconds(took)}
	for _, a := range catalog() {
		result, ran := e.results[a.id]
		if !ran {
			if a.id == "X1" && !e.options.AgainstAPI {
				continue // nobody has asked for it
			}
			f := &finding{}
			f.skip("not checked, because a check that it needs has failed")
			result = f.result(a, 0)
		}
		if result.Status != Skipped && rank[result.Status] > rank[r.Status] {
			r.Status = result.Status
		}
		r.Results = append(r.Results, result)
	}
	return r
}

// check runs the check with an id and records its result.
func (e *examination) check(id string, run func(f *finding)) Status {
	f := &finding{}
	began := time.Now()
	run(f)
	return e.record(id, f, time.Since(began))
}

// skip records that checks have nothing to look at.
func (e *examination) skip(why string, ids ...string) {
	for _, id := range ids {
		e.check(id, func(f *finding) { f.skip("%s", why) })
	}
}

// record records what was found by the check with an id.
func (e *examination) record(id string, f *finding, took time.Duration) Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.results[id] = f.result(describe(id), took)
	return f.status
}

// shown returns a client-side key or another text from outside as one short line.
func shown[T ~string](text T) string {
	const longest = 100
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, string(text))
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	return domain.RedactServerKeys(line)
}

// environments returns the environments to examine: those that are configured, and
// those that are discovered.
func environments(s config.Settings, discovered []domain.EnvironmentKeys) []domain.EnvironmentKeys {
	return app.Unite(s.Environments(), discovered, time.Now())
}

// median returns the middle one of durations.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
