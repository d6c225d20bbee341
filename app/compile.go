package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
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
}

const (
	// stagedBody is the size in bytes from which a document is made in stages. A smaller
	// one takes about as long as one stage.
	stagedBody = 64 << 10
	// stagePause is the time between two stages.
	stagePause = 5 * time.Millisecond
)

// compile waits for its turn and makes a document ready to be served, in the place of
// held unless that is nil. Errors: the context's; one that wraps domain.ErrUnusable; a
// *panicked.
func (m *compiler) compile(ctx context.Context, key domain.EnvironmentKey, body []byte, digest [sha256.Size]byte, held *Environment) (c compiled, err error) {
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
	document, problems, err := domain.ParseEnvironment(textOf(body))
	if err != nil {
		return compiled{}, err
	}
	pause()
	program, more := engine.Compile(document)
	pause()
	e := &Environment{Key: key, Body: body, UpdatedAt: document.UpdatedAt, Digest: digest, Program: program, Serving: document.Serving}
	e.Presentation = m.presenter.Present(e)
	return compiled{e, document, append(problems, more...)}, nil
}

// log reports a new document, how it differs from the former one, which may be nil, and
// its problems once. l names the environment.
func (c compiled) log(ctx context.Context, l *slog.Logger, former *Environment, source string, took time.Duration) {
	d, key := c.document, c.environment.Key
	overridden := 0
	for _, s := range d.Segments {
		overridden += len(s.Overrides)
	}
	about := []any{
		"updated_at", formatTime(d.UpdatedAt), "source", source, "bytes", len(c.environment.Body),
		"features", len(d.FeatureStates), "segments", len(d.Segments), "segment_overrides", overridden, "identity_overrides", len(d.IdentityOverrides),
	}
	if former == nil {
		l.InfoContext(ctx, "document_loaded", "source", source, "features", len(d.FeatureStates), "segments", len(d.Segments),
			"overrides", overridden+len(d.IdentityOverrides), "took", took.Round(time.Microsecond).String())
		l.DebugContext(ctx, "environment_updated", about...)
	} else if l.Enabled(ctx, slog.LevelInfo) {
		diff := compare(textOf(former.Body), textOf(c.environment.Body))
		l.InfoContext(ctx, "environment_updated", append(about,
			"features_changed", len(diff.changed), "added", len(diff.added), "removed", len(diff.removed),
			"segments_changed", len(diff.segments), "identities_changed", diff.identities)...)
		l.DebugContext(ctx, "environment_difference",
			"features_changed", diff.changed, "added", diff.added, "removed", diff.removed, "segments_changed", diff.segments)
	}
	if d.APIKey != string(key) {
		l.WarnContext(ctx, "environment_key_mismatch", "document_api_key", d.APIKey,
			"hint", "the server-side key belongs to another environment than the client-side key")
	}
	updatedAt := formatTime(d.UpdatedAt) // so that the function does not keep d, which takes as much memory as its text
	c.environment.Program.OnCutOff(func() {
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
