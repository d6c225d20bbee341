package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// This file is discovery's dealings with the store: the note of the last good list,
// by which a proxy that is started while upstream is away knows its environments and
// both kinds of keys. It has digests in place of server-side keys.

const (
	// noteName is the name of the note among the store's states, and asideName that
	// of one that could not be read.
	noteName, asideName = "discovered-environments", "discovered-environments.unreadable"
	noteFormat          = 1
	// noteEvery is how often the time of a list that stays the same is noted.
	noteEvery = 15 * time.Second
)

// note is what is known of the store's note.
type note struct {
	version ports.Version            // "" when there is none or none was seen
	list    []domain.EnvironmentKeys // as noted under version
	at      time.Time                // likewise, by the fleet's time, see putNote
}

// noteText is a note as it is stored.
type noteText struct {
	Version      int               `json:"version"`
	ConfirmedAt  time.Time         `json:"confirmed_at"`
	Environments []noteEnvironment `json:"environments"`
}

type noteEnvironment struct {
	ClientSideKey  string    `json:"client_side_key"`
	ServerSideKeys []noteKey `json:"server_side_keys"`
}

type noteKey struct {
	SHA256    string     `json:"sha256"`
	ExpiresAt *time.Time `json:"expires_at"` // nil: never
}

// takeNote adopts the store's note where it is news: that of an earlier run, or of a
// node that upstream has answered since. Clocks of nodes may differ: that the note's
// time moved on counts from when this node saw it, by its own clock, at most one turn
// after it happened.
func (d *discovery) takeNote(ctx context.Context) {
	former := d.note
	if !d.readNote(ctx) {
		return
	}
	at, news := d.deps.Now(), d.note.at.After(former.at)
	if former.version == "" { // how long ago is what counts
		at = earlier(d.note.at, at)
		news = at.After(d.confirmed())
	}
	if news {
		d.adopt(withKeysOf(d.note.list, d.list), at)
	}
}

// readNote reads the note and reports whether it is another one than before.
func (d *discovery) readNote(ctx context.Context) bool {
	value, version, err := d.deps.Store.GetState(ctx, noteName)
	switch {
	case errors.Is(err, ports.ErrNotFound):
		d.note = note{}
		return false
	case errors.Is(err, ports.ErrCorrupt):
		d.note = note{}
		d.warn(ctx, "discovered_environments_unreadable", err)
		return false
	case err != nil:
		logStoreError(ctx, d.deps.Logger, "reading the discovered environments", err)
		return false
	case version == d.note.version:
		return false
	}
	list, at, err := parseNote(value)
	d.note = note{version, list, at}
	if err != nil {
		d.setAside(ctx, value, err)
		return false
	}
	return true
}

// setAside keeps what is no note this program can read for people to look at. The
// next note takes its place.
func (d *discovery) setAside(ctx context.Context, value []byte, reason error) {
	_, version, err := d.deps.Store.GetState(ctx, asideName)
	if err == nil || missing(err) {
		_, err = d.deps.Store.PutState(ctx, asideName, value, version)
	}
	logStoreError(ctx, d.deps.Logger, "setting the discovered environments aside", err)
	d.warn(ctx, "discovered_environments_unreadable", reason, "set_aside_as", asideName)
}

// keepNote notes the list that counts, unless it is noted already.
func (d *discovery) keepNote(ctx context.Context) {
	for range 2 {
		if slices.EqualFunc(d.note.list, d.list, sameNoted) && d.note.version != "" && d.told.Sub(d.note.at).Abs() < noteEvery {
			return
		}
		if !errors.Is(d.putNote(ctx), ports.ErrConflict) {
			return
		}
		// Another node was faster, often with the same. What it was told later stays.
		if d.readNote(ctx) && d.note.at.After(d.told) {
			return
		}
	}
}

// putNote notes what upstream last told this node. Nodes that upstream does not answer
// know an answer to another by the note's time moving on, so that it moves on with
// each note, even where this node's clock is behind that of the node that noted
// before, or was set back.
func (d *discovery) putNote(ctx context.Context) error {
	at := later(d.told.Round(0), d.note.at.Add(time.Microsecond)) // Round: wall clocks are compared
	value, err := formatNote(d.list, at)
	if err == nil {
		var version ports.Version
		if version, err = d.deps.Store.PutState(ctx, noteName, value, d.note.version); err == nil {
			d.note = note{version, d.list, at}
		}
	}
	if !errors.Is(err, ports.ErrConflict) {
		logStoreError(ctx, d.deps.Logger, "noting the discovered environments", err)
	}
	return err
}

// leave notes when upstream last told this node the list, unless it has refused to
// since: to other nodes a note is news.
func (d *discovery) leave(ctx context.Context) {
	if d.schedule.failures > 0 || !d.told.After(d.note.at) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = d.putNote(ctx) // after a conflict another node's note is as good
}

func (d *discovery) warn(ctx context.Context, event string, reason error, more ...any) {
	d.deps.Logger.WarnContext(ctx, event, append([]any{"error", reason, "effect", "it is not used; the next answer of upstream takes its place"}, more...)...)
}

// sameNoted compares what a note has of environments.
func sameNoted(a, b domain.EnvironmentKeys) bool {
	return a.Client == b.Client && slices.EqualFunc(a.Server, b.Server, func(a, b domain.Credential) bool {
		return a.Digest == b.Digest && a.ExpiresAt.Equal(b.ExpiresAt)
	})
}

// withKeysOf returns list with the server-side keys that known has whole.
func withKeysOf(list, known []domain.EnvironmentKeys) []domain.EnvironmentKeys {
	keys := map[domain.KeyDigest]domain.ServerKey{}
	for _, e := range known {
		for _, c := range e.Server {
			keys[c.Digest] = c.Key
		}
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Server = slices.Clone(list[i].Server)
		for j, c := range list[i].Server {
			list[i].Server[j].Key = keys[c.Digest]
		}
	}
	return list
}

func formatNote(list []domain.EnvironmentKeys, at time.Time) ([]byte, error) {
	text := noteText{Version: noteFormat, ConfirmedAt: at.UTC(), Environments: make([]noteEnvironment, 0, len(list))}
	for _, e := range list {
		noted := noteEnvironment{ClientSideKey: string(e.Client), ServerSideKeys: make([]noteKey, 0, len(e.Server))}
		for _, c := range e.Server {
			key := noteKey{SHA256: hex.EncodeToString(c.Digest[:])}
			if !c.ExpiresAt.IsZero() {
				key.ExpiresAt = &c.ExpiresAt
			}
			noted.ServerSideKeys = append(noted.ServerSideKeys, key)
		}
		text.Environments = append(text.Environments, noted)
	}
	return json.Marshal(text)
}

func parseNote(value []byte) ([]domain.EnvironmentKeys, time.Time, error) {
	var text noteText
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, time.Time{}, fmt.Errorf("it is no note of discovered environments: %w", err)
	}
	if text.Version != noteFormat || text.ConfirmedAt.IsZero() || text.Environments == nil {
		return nil, time.Time{}, fmt.Errorf("it is of version %d, or incomplete; this program reads version %d", text.Version, noteFormat)
	}
	list := make([]domain.EnvironmentKeys, 0, len(text.Environments))
	for i, noted := range text.Environments {
		if noted.ClientSideKey == "" {
			return nil, time.Time{}, fmt.Errorf("environment %d has no client-side key", i+1)
		}
		e := domain.EnvironmentKeys{Client: domain.EnvironmentKey(noted.ClientSideKey), Discovered: true}
		for _, key := range noted.ServerSideKeys {
			var c domain.Credential
			digest, err := hex.DecodeString(key.SHA256)
			if err != nil || len(digest) != len(c.Digest) {
				return nil, time.Time{}, fmt.Errorf("a key of environment %d is no SHA-256", i+1)
			}
			copy(c.Digest[:], digest)
			if key.ExpiresAt != nil {
				c.ExpiresAt = *key.ExpiresAt
			}
			e.Server = append(e.Server, c)
		}
		list = append(list, e)
	}
	return list, text.ConfirmedAt, nil
}
