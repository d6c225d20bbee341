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
	// recordName is the name of the note among the store's states, and asideName that
	// of one that could not be read.
	recordName, asideName = "discovered-environments", "discovered-environments.unreadable"
	recordFormat          = 1
	// recordEvery is how often the time of a list that stays the same is noted.
	recordEvery = 15 * time.Second
)

// note is what is known of the store's note.
type discoveryRecord struct {
	version ports.Version            // "" when there is none or none was seen
	list    []domain.EnvironmentKeys // as noted under version
	at      time.Time                // likewise, by the fleet's time, see putRecord
}

// recordText is a note as it is stored.
type recordText struct {
	Version      int                   `json:"version"`
	ConfirmedAt  time.Time             `json:"confirmed_at"`
	Environments []recordedEnvironment `json:"environments"`
}

type recordedEnvironment struct {
	ClientSideKey  string        `json:"client_side_key"`
	ServerSideKeys []recordedKey `json:"server_side_keys"`
}

type recordedKey struct {
	SHA256    string     `json:"sha256"`
	ExpiresAt *time.Time `json:"expires_at"` // nil: never
}

// followRecord adopts the store's note where it is news: that of an earlier run, or of a
// node that upstream has answered since. Clocks of nodes may differ: that the note's
// time moved on counts from when this node saw it, by its own clock, at most one turn
// after it happened.
func (d *discovery) followRecord(ctx context.Context) {
	former := d.record
	if !d.readRecord(ctx) {
		return
	}
	at, news := d.deps.Now(), d.record.at.After(former.at)
	if former.version == "" { // how long ago is what counts
		at = earlier(d.record.at, at)
		news = at.After(d.confirmed())
	}
	if news {
		d.adopt(withKeysOf(d.record.list, d.list), at)
	}
}

// readRecord reads the note and reports whether it is another one than before.
func (d *discovery) readRecord(ctx context.Context) bool {
	value, version, err := d.deps.Store.GetState(ctx, recordName)
	switch {
	case errors.Is(err, ports.ErrNotFound):
		d.record = discoveryRecord{}
		return false
	case errors.Is(err, ports.ErrCorrupt):
		d.record = discoveryRecord{}
		d.warn(ctx, "discovered_environments_unreadable", err)
		return false
	case err != nil:
		logStoreError(ctx, d.deps.Logger, "reading the discovered environments", err)
		return false
	case version == d.record.version:
		return false
	}
	list, at, err := parseRecord(value)
	d.record = discoveryRecord{version, list, at}
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

// keepRecord notes the list that counts, unless it is noted already.
func (d *discovery) keepRecord(ctx context.Context) {
	for range 2 {
		if slices.EqualFunc(d.record.list, d.list, sameRecorded) && d.record.version != "" && d.told.Sub(d.record.at).Abs() < recordEvery {
			return
		}
		if !errors.Is(d.putRecord(ctx), ports.ErrConflict) {
			return
		}
		// Another node was faster, often with the same. What it was told later stays.
		if d.readRecord(ctx) && d.record.at.After(d.told) {
			return
		}
	}
}

// putRecord notes what upstream last told this node. Nodes that upstream does not answer
// know an answer to another by the note's time moving on, so that it moves on with
// each note, even where this node's clock is behind that of the node that noted
// before, or was set back.
func (d *discovery) putRecord(ctx context.Context) error {
	at := later(d.told.Round(0), d.record.at.Add(time.Microsecond)) // Round: wall clocks are compared
	value, err := formatRecord(d.list, at)
	if err == nil {
		var version ports.Version
		if version, err = d.deps.Store.PutState(ctx, recordName, value, d.record.version); err == nil {
			d.record = discoveryRecord{version, d.list, at}
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
	if d.schedule.failures > 0 || !d.told.After(d.record.at) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = d.putRecord(ctx) // after a conflict another node's note is as good
}

func (d *discovery) warn(ctx context.Context, event string, reason error, more ...any) {
	d.deps.Logger.WarnContext(ctx, event, append([]any{"error", reason, "effect", "it is not used; the next answer of upstream takes its place"}, more...)...)
}

// sameRecorded compares what a note has of environments.
func sameRecorded(a, b domain.EnvironmentKeys) bool {
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

func formatRecord(list []domain.EnvironmentKeys, at time.Time) ([]byte, error) {
	text := recordText{Version: recordFormat, ConfirmedAt: at.UTC(), Environments: make([]recordedEnvironment, 0, len(list))}
	for _, e := range list {
		noted := recordedEnvironment{ClientSideKey: string(e.Client), ServerSideKeys: make([]recordedKey, 0, len(e.Server))}
		for _, c := range e.Server {
			key := recordedKey{SHA256: hex.EncodeToString(c.Digest[:])}
			if !c.ExpiresAt.IsZero() {
				key.ExpiresAt = &c.ExpiresAt
			}
			noted.ServerSideKeys = append(noted.ServerSideKeys, key)
		}
		text.Environments = append(text.Environments, noted)
	}
	return json.Marshal(text)
}

func parseRecord(value []byte) ([]domain.EnvironmentKeys, time.Time, error) {
	var text recordText
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, time.Time{}, fmt.Errorf("it is no note of discovered environments: %w", err)
	}
	if text.Version != recordFormat || text.ConfirmedAt.IsZero() || text.Environments == nil {
		return nil, time.Time{}, fmt.Errorf("it is of version %d, or incomplete; this program reads version %d", text.Version, recordFormat)
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
