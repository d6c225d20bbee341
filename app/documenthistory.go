package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// History bounds the documents that the store keeps of each environment after another one
// has replaced them. The zero value keeps none.
type History struct {
	// Documents is how many documents there are at most, with the newest.
	Documents int
	// Bytes is how many bytes those that were replaced have together at most.
	Bytes int64
}

// HistoryEntry is a document that an environment has or had.
type HistoryEntry struct {
	// SHA256 names the document, in hexadecimal. It is what the ETag of the document is
	// made of.
	SHA256  string    `json:"sha256"`
	Updated time.Time `json:"updated"` // the document's updated_at; zero when it has none
	// Replaced is when another document took its place; zero for the newest.
	Replaced time.Time `json:"replaced"`
	Bytes    int       `json:"bytes"`
}

// ErrNoSuchVersion: the history has no document of that version.
var ErrNoSuchVersion = errors.New("the history of this environment has no such document")

const (
	// volatileHistory is how many documents are kept in a store that does not outlive the
	// process.
	volatileHistory = 2
	// shortestVersion is how many digits of a digest name a document at least.
	shortestVersion = 7
	historyFormat   = 1
	// historyLife is how long a shared store keeps a history that no node keeps any more,
	// because nobody serves the environment, and keptEvery how often a node keeps it.
	historyLife, keptEvery = 14 * 24 * time.Hour, 12 * time.Hour
)

// documentHistory is the history of one environment, in the store's states: a list, and a
// slot for each document, which is used again once its document has to go. So the store
// never has more states than a history has documents. It is safe for concurrent use, and
// across nodes: the list is replaced by compare-and-set, and what is in a slot is checked
// by its digest.
type documentHistory struct {
	key      domain.EnvironmentKey
	store    ports.Stater
	config   *atomic.Pointer[Config]
	volatile bool
	now      func() time.Time
	random   func() float64
	keepAt   time.Time // when to keep it next; only the keeper uses it
}

// historyText is the list as it is stored, the latest first.
type historyText struct {
	Format  int           `json:"format"`
	Entries []historySlot `json:"entries"`
}

type historySlot struct {
	HistoryEntry
	Slot int `json:"slot"`
}

func (h *documentHistory) listName() string         { return "history/" + string(h.key) }
func (h *documentHistory) slotName(slot int) string { return fmt.Sprintf("history/%d/%s", slot, h.key) }

// limits returns how many documents are kept in addition to the newest one, and how many bytes.
func (h *documentHistory) limits() (documents int, bytes int64) {
	l := h.config.Load().History
	documents = l.Documents
	if h.volatile {
		documents = min(documents, volatileHistory)
	}
	return documents - 1, l.Bytes
}

func (h *documentHistory) read(ctx context.Context) (historyText, ports.Version, error) {
	value, version, err := h.store.GetState(ctx, h.listName())
	if missing(err) {
		return historyText{}, "", nil
	}
	var list historyText
	if err == nil && (json.Unmarshal(value, &list) != nil || list.Format != historyFormat) {
		list = historyText{} // of another program or version: it is replaced
	}
	return list, version, err
}

// add keeps a document that was replaced. The one whose digest is pinned, if that is not
// "", stays beyond the limits. Errors: the store's.
func (h *documentHistory) add(ctx context.Context, e *Environment, pinned string) error {
	documents, bytes := h.limits()
	if documents < 1 || int64(len(e.Body)) > bytes {
		return nil
	}
	for range 2 {
		list, version, err := h.read(ctx)
		if err != nil {
			return err
		}
		entry := historySlot{HistoryEntry: HistoryEntry{SHA256: hex.EncodeToString(e.Digest[:]), Updated: e.UpdatedAt, Replaced: h.now().UTC(), Bytes: len(e.Body)}}
		kept, removed := list.with(entry, documents, bytes, pinned)
		if _, err := h.put(ctx, kept.Entries[0].Slot, e.Body); err != nil {
			return err
		}
		value, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		_, err = h.store.PutState(ctx, h.listName(), value, version)
		switch {
		case err == nil:
			for _, slot := range removed {
				if err := h.store.ExpireState(ctx, h.slotName(slot), 0); err != nil {
					return err
				}
			}
			kept.Entries = kept.Entries[:1] // the others last long enough until keep, and each call takes its time
			return h.expire(ctx, kept, historyLife)
		case !errors.Is(err, ports.ErrConflict):
			return err
		}
	}
	return ports.ErrConflict
}

// with returns the list with a further entry in front, within the limits but for
// the pinned one, and the slots that are not used any more.
func (t historyText) with(entry historySlot, documents int, bytes int64, pinned string) (kept historyText, removed []int) {
	kept = historyText{Format: historyFormat, Entries: []historySlot{entry}}
	used := map[int]bool{}
	total := int64(entry.Bytes)
	for _, e := range t.Entries {
		total += int64(e.Bytes)
		switch {
		case e.SHA256 == entry.SHA256:
			total -= int64(e.Bytes)
			removed = append(removed, e.Slot)
		case e.SHA256 != pinned && (len(kept.Entries) >= documents || total > bytes):
			total -= int64(e.Bytes)
			removed = append(removed, e.Slot)
		default:
			kept.Entries = append(kept.Entries, e)
			used[e.Slot] = true
		}
	}
	for slot := 0; ; slot++ {
		if !used[slot] {
			kept.Entries[0].Slot = slot
			return kept, slices.DeleteFunc(removed, func(r int) bool { return r == slot })
		}
	}
}

// put replaces what is in a slot.
func (h *documentHistory) put(ctx context.Context, slot int, body []byte) (ports.Version, error) {
	_, version, err := h.store.GetState(ctx, h.slotName(slot))
	if err != nil && !missing(err) {
		return "", err
	}
	return h.store.PutState(ctx, h.slotName(slot), body, version)
}

// forget removes all documents, where no other node may want them. Errors: the store's.
func (h *documentHistory) forget(ctx context.Context) error {
	list, _, err := h.read(ctx)
	if err != nil {
		return err
	}
	return h.expire(ctx, list, 0)
}

// keep has a shared store keep the history for longer. It does so now and then, at a time
// of its own for each environment and node. Errors: the store's.
func (h *documentHistory) keep(ctx context.Context) error {
	now := h.now()
	switch wait := h.keepAt.Sub(now); {
	case h.keepAt.IsZero():
		h.keepAt = now.Add(time.Duration(h.random() * float64(keptEvery)))
		return nil
	case wait > 0 && wait <= keptEvery: // it is longer when the clock was set back
		return nil
	}
	h.keepAt = now.Add(keptEvery)
	list, _, err := h.read(ctx)
	if err != nil || len(list.Entries) == 0 {
		return err
	}
	return h.expire(ctx, list, historyLife)
}

// expire has the store remove a history after some time. Errors: the store's.
func (h *documentHistory) expire(ctx context.Context, list historyText, lasts time.Duration) error {
	for _, e := range list.Entries {
		if err := h.store.ExpireState(ctx, h.slotName(e.Slot), lasts); err != nil {
			return err
		}
	}
	return h.store.ExpireState(ctx, h.listName(), lasts)
}

// entries returns the documents that were replaced, the latest first.
func (h *documentHistory) entries(ctx context.Context) ([]HistoryEntry, error) {
	list, _, err := h.read(ctx)
	entries := make([]HistoryEntry, 0, len(list.Entries))
	for _, e := range list.Entries {
		entries = append(entries, e.HistoryEntry)
	}
	return entries, err
}

// body returns a document that was replaced. Errors: ErrNoSuchVersion; the store's.
func (h *documentHistory) body(ctx context.Context, sha256 string) ([]byte, error) {
	list, _, err := h.read(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list.Entries, func(e historySlot) bool { return e.SHA256 == sha256 })
	if i < 0 {
		return nil, ErrNoSuchVersion
	}
	body, _, err := h.store.GetState(ctx, h.slotName(list.Entries[i].Slot))
	if err != nil && !missing(err) {
		return nil, err
	}
	if digest := digestOf(body); hex.EncodeToString(digest[:]) != sha256 { // replaced meanwhile, or damaged
		return nil, ErrNoSuchVersion
	}
	return body, nil
}

// versionOf returns the entry that a version names: a number, 0 for the newest and 1 for
// the one before, or the first digits of a digest.
func versionOf(entries []HistoryEntry, version string) (HistoryEntry, error) {
	if n, err := strconv.Atoi(version); err == nil && len(version) < shortestVersion {
		if n < 0 || n >= len(entries) {
			return HistoryEntry{}, ErrNoSuchVersion
		}
		return entries[n], nil
	}
	version = strings.ToLower(version)
	if len(version) < shortestVersion {
		return HistoryEntry{}, ErrNoSuchVersion
	}
	if i := slices.IndexFunc(entries, func(e HistoryEntry) bool { return strings.HasPrefix(e.SHA256, version) }); i >= 0 {
		return entries[i], nil
	}
	return HistoryEntry{}, ErrNoSuchVersion
}

// History returns the documents that an environment has and had, the newest first.
// Errors: ErrUnknownEnvironment; the store's.
func (a *App) History(ctx context.Context, key domain.EnvironmentKey) ([]HistoryEntry, error) {
	k := a.roster.keeper(key)
	if k == nil {
		return nil, ErrUnknownEnvironment
	}
	former, err := k.history.entries(ctx)
	if err != nil {
		return nil, err
	}
	newest := k.progress.newest.Load()
	if newest == nil {
		return former, nil
	}
	first := HistoryEntry{SHA256: hex.EncodeToString(newest.Digest[:]), Updated: newest.UpdatedAt, Bytes: len(newest.Body)}
	former = slices.DeleteFunc(former, func(e HistoryEntry) bool { return e.SHA256 == first.SHA256 })
	return append([]HistoryEntry{first}, former...), nil
}

// Document returns a document of an environment's history, as upstream sent it. version is
// a number, 0 for the newest and 1 for the one before, or at least seven digits of its
// digest. The body is read-only. Errors: ErrUnknownEnvironment, ErrNoSuchVersion; the
// store's.
func (a *App) Document(ctx context.Context, key domain.EnvironmentKey, version string) (HistoryEntry, []byte, error) {
	entries, err := a.History(ctx, key)
	if err != nil {
		return HistoryEntry{}, nil, err
	}
	entry, err := versionOf(entries, version)
	if err != nil {
		return HistoryEntry{}, nil, err
	}
	body, err := a.roster.bodyOf(ctx, key, entry.SHA256)
	return entry, body, err
}

// bodyOf returns a document of an environment by its digest.
func (r *roster) bodyOf(ctx context.Context, key domain.EnvironmentKey, sha256 string) ([]byte, error) {
	k := r.keeper(key)
	if k == nil {
		return nil, ErrUnknownEnvironment
	}
	if newest := k.progress.newest.Load(); newest != nil && hex.EncodeToString(newest.Digest[:]) == sha256 {
		return newest.Body, nil
	}
	return k.history.body(ctx, sha256)
}
