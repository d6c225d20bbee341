package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// GuardMode is what happens to a suspicious document.
type GuardMode string

// The modes.
const (
	GuardOff  GuardMode = "off"  // documents are not judged
	GuardWarn GuardMode = "warn" // it is logged, counted and served
	GuardHold GuardMode = "hold" // it is also held back for some time
)

// DocumentGuard configures the guard against documents that are valid and take away so
// much that they are likely a mistake. The zero value is a guard that is off.
type DocumentGuard struct {
	Mode GuardMode
	// Hold is for how long upstream must have offered a suspicious document before it is
	// served, unless an operator accepts it earlier.
	Hold   time.Duration
	Limits domain.ChangeLimits
}

// HeldBack is a suspicious document that upstream offers and that is not served yet.
type HeldBack struct {
	Digest  [32]byte
	Updated time.Time // the document's updated_at; zero when it has none
	// Since is when upstream offered it first, Until when it will be served if upstream
	// still offers it then.
	Since, Until time.Time
	// Reasons are why it is suspicious, as phrases. Read-only.
	Reasons []string
}

var (
	// ErrUnknownEnvironment: this node does not serve an environment with that
	// client-side key.
	ErrUnknownEnvironment = errors.New("this node does not serve an environment with that client-side key")
	// ErrNothingHeldBack: no document of the environment is held back.
	ErrNothingHeldBack = errors.New("no document of this environment is held back")
)

// offerPause is how long upstream may not have offered a document that is held back, as
// during an outage, before the time begins again; or ten poll intervals where those are
// longer.
const offerPause = time.Minute

// offer is what the store has of a document that is held back, so that nodes that poll
// in turns, and this one after a restart, count the time together. The zero value is no
// offer.
type offer struct {
	SHA256   string    `json:"sha256"`
	Since    time.Time `json:"since"`
	Last     time.Time `json:"last"`     // when upstream offered it last
	Accepted bool      `json:"accepted"` // by an operator
}

// offerName returns the name of an environment's offer among the store's states.
func offerName(key domain.EnvironmentKey) string { return "held-back/" + string(key) }

// current reports whether the offer still stands at a time.
func (o offer) current(now time.Time, interval time.Duration) bool {
	return o.SHA256 != "" && now.Sub(o.Last).Abs() <= max(offerPause, 10*interval)
}

func readOffer(ctx context.Context, store ports.Stater, key domain.EnvironmentKey) (o offer, v ports.Version, err error) {
	value, v, err := store.GetState(ctx, offerName(key))
	if missing(err) {
		return offer{}, "", nil
	}
	if err == nil && json.Unmarshal(value, &o) != nil {
		o = offer{} // of another program or version: it is replaced
	}
	return o, v, err
}

func writeOffer(ctx context.Context, store ports.Stater, key domain.EnvironmentKey, o offer, v ports.Version) (ports.Version, error) {
	value, err := json.Marshal(o)
	if err != nil {
		return v, err
	}
	return store.PutState(ctx, offerName(key), value, v)
}

// documentGuard holds back the suspicious documents of one environment. The environment's
// keeper owns it. The held document stays meanwhile and counts as confirmed: upstream
// answers.
type documentGuard struct {
	key      domain.EnvironmentKey
	store    ports.Stater
	config   *atomic.Pointer[Config]
	now      func() time.Time
	logger   *slog.Logger
	observer Observer
	recent   *Recent
	progress *progress

	waiting *compiled // the document that is held back, or nil
	reasons []string  // why it is
	offer   offer     // of waiting, as this node knows it
}

// passes reports whether a document may replace the held one now.
func (g *documentGuard) passes(ctx context.Context, c *compiled, held *Environment) bool {
	o := g.config.Load().DocumentGuard
	if held == nil || o.Mode == GuardOff || o.Mode == "" {
		g.release(ctx)
		return true
	}
	if g.waiting == nil || g.waiting.environment.Digest != c.environment.Digest {
		g.release(ctx)
		if g.reasons = reasonsAgainst(o.Limits, held, c); len(g.reasons) == 0 {
			return true
		}
		g.report(ctx, o, c, held)
	}
	if o.Mode == GuardHold && !g.offered(ctx, o, c) {
		return false
	}
	g.release(ctx)
	return true
}

func reasonsAgainst(l domain.ChangeLimits, held *Environment, c *compiled) []string {
	former, _, err := domain.ParseEnvironment(textOf(held.Body))
	if err != nil { // cannot be: it is served
		return nil
	}
	return l.Exceeded(former, c.document)
}

// report logs and counts a suspicious document.
func (g *documentGuard) report(ctx context.Context, o DocumentGuard, c *compiled, held *Environment) {
	effect, hint := "it is served", "check in Flagsmith that the change is meant; document_guard.mode hold would hold it back"
	if o.Mode == GuardHold {
		effect = fmt.Sprintf("the held document stays until upstream has offered this one for %s", o.Hold)
		hint = "check in Flagsmith that the change is meant; edge-proxy accept serves it at once"
	}
	why := strings.Join(g.reasons, ", ")
	g.logger.WarnContext(ctx, "suspicious_document", "reason", why, "updated_at", formatTime(c.environment.UpdatedAt),
		"held_updated_at", formatTime(held.UpdatedAt), "effect", effect, "hint", hint)
	g.observer.Refused(g.key, RefusedSuspicious)
	g.recent.Add("suspicious_document", g.key, fmt.Sprintf("A suspicious document has arrived: %s; %s.", why, effect))
}

// offered takes note that upstream offers a suspicious document. It reports whether
// upstream has done so for long enough, or an operator accepts the document.
func (g *documentGuard) offered(ctx context.Context, o DocumentGuard, c *compiled) bool {
	now, digest := g.now().Round(0), hex.EncodeToString(c.environment.Digest[:])
	interval := g.config.Load().Freshness.PollInterval
	stored, version, err := readOffer(ctx, g.store, g.key)
	if err != nil {
		logStoreError(ctx, g.logger, "reading what is held back", err)
		stored = g.offer
	}
	if stored.SHA256 != digest || !stored.current(now, interval) {
		stored = g.offer
	}
	if stored.SHA256 != digest || !stored.current(now, interval) || stored.Since.After(now) {
		stored = offer{SHA256: digest, Since: now}
	}
	stored.Last = now
	g.waiting, g.offer = c, stored
	if waited := now.Sub(stored.Since); stored.Accepted || waited >= o.Hold {
		why := "upstream has offered it for long enough"
		if stored.Accepted {
			why = "an operator has accepted it"
		}
		g.logger.WarnContext(ctx, "suspicious_document_accepted", "reason", why, "updated_at", formatTime(c.environment.UpdatedAt), "after", waited.Round(time.Second).String())
		g.recent.Add("suspicious_document_accepted", g.key, "The document that was held back is served: "+why+".")
		return true
	}
	if err == nil {
		if _, err := writeOffer(ctx, g.store, g.key, stored, version); !errors.Is(err, ports.ErrConflict) { // after one the next poll tries again
			logStoreError(ctx, g.logger, "noting what is held back", err)
		}
	}
	g.progress.held.Store(&HeldBack{Digest: c.environment.Digest, Updated: c.environment.UpdatedAt, Since: stored.Since, Until: stored.Since.Add(o.Hold), Reasons: g.reasons})
	return false
}

// release takes note that upstream no longer offers what was held back, or that it is
// served.
func (g *documentGuard) release(ctx context.Context) {
	if g.waiting == nil {
		return
	}
	digest := hex.EncodeToString(g.waiting.environment.Digest[:])
	g.replaced()
	stored, version, err := readOffer(ctx, g.store, g.key)
	if err == nil && stored.SHA256 == digest {
		_, err = writeOffer(ctx, g.store, g.key, offer{}, version)
	}
	if !errors.Is(err, ports.ErrConflict) { // another node has noted something else meanwhile
		logStoreError(ctx, g.logger, "noting that nothing is held back", err)
	}
}

// replaced takes note that another node's document took the place of the held one.
func (g *documentGuard) replaced() {
	g.waiting, g.reasons, g.offer = nil, nil, offer{}
	g.progress.held.Store(nil)
}

// known returns the document that is held back if it has this digest, so that it need not
// be prepared again; otherwise nil.
func (g *documentGuard) known(digest [32]byte) *compiled {
	if g.waiting == nil || g.waiting.environment.Digest != digest {
		return nil
	}
	return g.waiting
}

// AcceptDocument has the document of an environment served that is held back as
// suspicious. It notes that in the store, so that whichever node is offered the document
// next serves it, and has this node ask upstream now. It returns the digest of the
// document, in hexadecimal. Errors: ErrUnknownEnvironment; ErrNothingHeldBack, also where
// the last offer was too long ago; the store's.
func (a *App) AcceptDocument(ctx context.Context, key domain.EnvironmentKey) (digest string, err error) {
	if !a.Snapshot().ring.Has(key) {
		return "", ErrUnknownEnvironment
	}
	for range 3 {
		o, version, err := readOffer(ctx, a.store, key)
		if err != nil {
			return "", err
		}
		if !o.current(a.deps.Now(), a.config.Load().Freshness.PollInterval) {
			return "", ErrNothingHeldBack
		}
		o.Accepted = true
		_, err = writeOffer(ctx, a.store, key, o, version)
		switch {
		case err == nil:
			a.roster.wake(ctx, key)
			return o.SHA256, nil
		case !errors.Is(err, ports.ErrConflict):
			return "", err
		}
	}
	return "", ports.ErrConflict
}
