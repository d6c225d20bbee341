package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// loggedProblems is how many problems of one document are logged; the others are only
// counted. The validate command shows all.
const loggedProblems = 10

// compiled is a document that is ready to be served, and the problems found in it.
type compiled struct {
	environment *Environment
	document    *domain.Environment
	problems    []domain.Problem
	took        time.Duration // to prepare, without the wait for a turn
}

// panicked is the error of a document whose preparation panicked. No document may end
// the process: the store would bring the same one at the next start.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("preparing the document panicked: %v", p.value) }

// compiler makes documents ready to be served, few at one time: a large document takes
// memory meanwhile. It is safe for concurrent use.
//
// Requests come first. After each document the compiler yields the processor, so that
// thousands that are read from a store at the start do not hold up a probe. A document
// that replaces one that is served is made in stages with pauses between them. On one
// busy processor a stage delays the requests that arrive meanwhile, and they need the
// pause to catch up.
type compiler struct {
	presenter Presenter
	slots     *semaphore
	now       func() time.Time
	tracer    Tracer
}

const (
	// stagedBody is the size in bytes from which a document is made in stages. A smaller
	// one takes about as long as one stage.
	stagedBody = 64 << 10
	// stagePause is the time between two stages.
	stagePause = 5 * time.Millisecond
)

// compile waits for its turn and makes a document ready to be served, in the place of
// held unless that is nil. Its time is changed, if that is later than the document's. Errors: the context's; one that wraps domain.ErrUnusable; a
// *panicked.
func (m *compiler) compile(ctx context.Context, key domain.EnvironmentKey, body []byte, digest [sha256.Size]byte, held *Environment, changed time.Time) (c compiled, err error) {
	release, err := m.slots.acquire(ctx)
	if err != nil {
		return compiled{}, err
	}
	defer runtime.Gosched()
	defer release()
	pause := func() {}
	if held != nil && len(body) >= stagedBody {
		pause = func() {
			select {
			case <-time.After(stagePause):
			case <-ctx.Done():
			}
		}
	}
	defer func() {
		if value := recover(); value != nil {
			c, err = compiled{}, &panicked{value, debug.Stack()}
		}
	}()
	began := m.now()
	_, decoding := m.tracer.Step(ctx, StepDecode)
	document, problems, err := domain.ParseEnvironment(textOf(body))
	decoding.End(Result{Err: err})
	if err != nil {
		return compiled{}, err
	}
	pause()
	_, compiling := m.tracer.Step(ctx, StepCompile)
	defer func() { compiling.End(Result{Err: err}) }()
	program, more := engine.Compile(document)
	pause()
	e := &Environment{Key: key, Body: body, UpdatedAt: later(document.UpdatedAt, changed), Digest: digest, Program: program, Serving: document.Serving}
	problems = append(problems, more...)
	e.Facts = factsOf(document, problems)
	e.Presentation = m.presenter.Present(e)
	return compiled{e, document, problems, m.now().Sub(began)}, nil
}

// factsOf returns the numbers of a document.
func factsOf(d *domain.Environment, problems []domain.Problem) Facts {
	f := Facts{
		Name: d.Name, Project: d.Project, Features: len(d.FeatureStates), Segments: len(d.Segments),
		IdentityOverrides: len(d.IdentityOverrides), Problems: len(problems),
	}
	for _, s := range d.Segments {
		f.SegmentOverrides += len(s.Overrides)
	}
	f.FirstProblems = slices.Clone(problems[:min(loggedProblems, len(problems))])
	return f
}

// log reports a new document, how it differs from the one before, which is nil without
// one, and its problems once. l names the environment. cutOff is called, once, when an
// evaluation runs out of its budget.
func (c compiled) log(ctx context.Context, l *slog.Logger, change *ChangeSummary, via Via, took time.Duration, cutOff func()) {
	d, f, key := c.document, c.environment.Facts, c.environment.Key
	source := "upstream"
	if via == ViaStore {
		source = "store"
	}
	about := []any{
		"updated_at", formatTime(d.UpdatedAt), "source", source, "via", via, "bytes", len(c.environment.Body),
		"features", f.Features, "segments", f.Segments, "segment_overrides", f.SegmentOverrides, "identity_overrides", f.IdentityOverrides,
	}
	if change == nil {
		l.InfoContext(ctx, "document_loaded", "source", source, "features", f.Features, "segments", f.Segments,
			"overrides", f.SegmentOverrides+f.IdentityOverrides, "took", took.Round(time.Microsecond).String())
		l.DebugContext(ctx, "environment_updated", about...)
	} else {
		l.InfoContext(ctx, "environment_updated", append(about,
			"features_changed", len(change.Changed), "added", len(change.Added), "removed", len(change.Removed),
			"segments_changed", len(change.Segments), "identities_changed", change.Identities)...)
		l.DebugContext(ctx, "environment_difference",
			"features_changed", change.Changed, "added", change.Added, "removed", change.Removed, "segments_changed", change.Segments)
	}
	if d.APIKey != string(key) {
		l.WarnContext(ctx, "environment_key_mismatch", "document_api_key", d.APIKey,
			"hint", "the server-side key belongs to another environment than the client-side key")
	}
	updatedAt := formatTime(d.UpdatedAt) // so that the function does not keep d, which takes as much memory as its text
	c.environment.Program.OnCutOff(func() {
		cutOff()
		l.WarnContext(context.WithoutCancel(ctx), "evaluation_cut_off", "client_side_key", string(key), "updated_at", updatedAt,
			"hint", "regular expressions, JSONPaths or dependencies of its segments take too many steps for the traits of a request; conditions that were cut off did not hold")
	})
	for i, p := range c.problems {
		if i == loggedProblems {
			l.WarnContext(ctx, "environment_problem", "more", len(c.problems)-i, "hint", "edge-proxy validate --fetch shows them all")
			break
		}
		l.WarnContext(ctx, "environment_problem", "path", p.Path, "problem", p.What, "effect", p.Effect)
	}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
