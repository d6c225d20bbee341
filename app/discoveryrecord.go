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

// This file keeps the last good list of discovered environments in the store, so that a
// proxy that starts while upstream is away knows its environments and both kinds of
// keys. The record has digests in place of server-side keys.

const (
	// recordName is the name of the record among the store's states, and asideName that
	// of one that could not be read.
	recordName, asideName = "discovered-environments", "discovered-environments.unreadable"
	recordFormat          = 1
	// recordEvery is how often the time of an unchanged list is recorded.
	recordEvery = 15 * time.Second
)

// discoveryRecord is the store's record as this node knows it.
type discoveryRecord struct {
	version ports.Version            // "" when none was seen
	list    []domain.EnvironmentKeys // as recorded under version
	at      time.Time                // likewise, by the fleet's time; see putRecord
	// seen: this node has read or written the record since upstream last sent it the list. So
	// what is recorded from now on is newer than that list.
	seen bool
}

// recordText is a record as it is stored.
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

// followRecord adopts the store's record if it is newer: from an earlier run, or from a
// node that upstream has answered since. Clocks of nodes may differ, so a record whose
// time has advanced counts from when this node saw it, by its own clock. That is at
// most one turn late. But when this node has not looked since upstream last sent it the list,
// the record may be the older of the two, and then the clocks are all there is to compare them
// by: a record that is newer but does not look it is passed over until it is written again.
func (d *discovery) followRecord(ctx context.Context) {
	former := d.record
	if !d.readRecord(ctx) {
		return
	}
	at, news := d.deps.Now(), d.record.at.After(former.at) && (former.seen || d.record.at.After(d.received))
	if former.version == "" { // how long ago is what counts
		at = recalled(d.record.at, at)
		news = at.After(d.confirmed())
	}
	if news {
		d.adopt(withKeysOf(d.record.list, d.list), at)
	}
}

// readRecord reads the record and reports whether it has changed.
func (d *discovery) readRecord(ctx context.Context) bool {
	value, version, err := d.deps.Store.GetState(ctx, recordName)
	switch {
	case errors.Is(err, ports.ErrNotFound):
		d.record = discoveryRecord{seen: true}
		return false
	case errors.Is(err, ports.ErrCorrupt):
		d.record = discoveryRecord{seen: true}
		d.warn(ctx, "discovered_environments_unreadable", err)
		return false
	case err != nil:
		logStoreError(ctx, d.deps.Logger, "reading the discovered environments", err)
		return false
	case version == d.record.version:
		d.record.seen = true
		return false
	}
	list, at, err := parseRecord(value)
	d.record = discoveryRecord{version, list, at, true}
	if err != nil {
		d.setAside(ctx, value, err)
		return false
	}
	return true
}

// setAside keeps a record that this program cannot read under another name, so that
// people can look at it. The next record takes its place.
func (d *discovery) setAside(ctx context.Context, value []byte, reason error) {
	_, version, err := d.deps.Store.GetState(ctx, asideName)
	if err == nil || missing(err) {
		_, err = d.deps.Store.PutState(ctx, asideName, value, version)
	}
	logStoreError(ctx, d.deps.Logger, "setting the discovered environments aside", err)
	d.warn(ctx, "discovered_environments_unreadable", reason, "set_aside_as", asideName)
}

// keepRecord records the list, unless it is recorded already.
func (d *discovery) keepRecord(ctx context.Context) {
	for range 2 {
		if slices.EqualFunc(d.record.list, d.list, sameRecorded) && d.record.version != "" && d.received.Sub(d.record.at).Abs() < recordEvery {
			return
		}
		if !errors.Is(d.putRecord(ctx), ports.ErrConflict) {
			return
		}
		// Another node was faster, often with the same list. A later list stays.
		if d.readRecord(ctx) && d.record.at.After(d.received) {
			return
		}
	}
}

// putRecord records the list that upstream last sent to this node. Nodes that upstream
// does not answer notice an answer to another node by the record's time. So the time
// advances with each write, even if this node's clock is behind that of the node that
// wrote before, or was set back.
func (d *discovery) putRecord(ctx context.Context) error {
	at := later(d.received.Round(0), d.record.at.Add(time.Microsecond)) // Round: wall clocks are compared
	value, err := formatRecord(d.list, at)
	if err == nil {
		var version ports.Version
		if version, err = d.deps.Store.PutState(ctx, recordName, value, d.record.version); err == nil {
			d.record = discoveryRecord{version, d.list, at, true}
		}
	}
	if !errors.Is(err, ports.ErrConflict) {
		logStoreError(ctx, d.deps.Logger, "storing the discovered environments", err)
	}
	return err
}

// leave records when upstream last sent the list to this node, unless requests have
// failed since: other nodes would take the record for a newer answer.
func (d *discovery) leave(ctx context.Context) {
	if d.schedule.failures > 0 || !d.received.After(d.record.at) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = d.putRecord(ctx) // after a conflict another node's record is as good
}

func (d *discovery) warn(ctx context.Context, event eventName, reason error, more ...any) {
	d.deps.Logger.WarnContext(ctx, string(event), append([]any{"error", reason, "effect", "it is ignored; upstream's next answer replaces it"}, more...)...)
}

// sameRecorded compares what a record has of environments.
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
		return nil, time.Time{}, fmt.Errorf("it is not a record of discovered environments: %w", err)
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
				return nil, time.Time{}, fmt.Errorf("a key of environment %d is not a SHA-256", i+1)
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
