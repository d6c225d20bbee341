package redis

import (
	"strings"

	storenames "github.com/edge-proxy/edge-proxy/adapters/store/internal/names"
	"github.com/edge-proxy/edge-proxy/domain"
)

// names makes the names of one fleet's keys and channel. Each key but that of the leases is
//
//	PREFIX:{NAME}:KIND
//
// with NAME the environment's key (or the name of a state) escaped.
// The braces are Redis' hash tag: all that bears one NAME lives in one slot of a
// Cluster. Neither PREFIX nor NAME holds a brace, so the first ":{" of a key ends
// its prefix and two prefixes never share a key, whatever they begin with.
type names struct{ prefix string }

const (
	recordKind = "record"
	stateKind  = "state"
)

func newNames(prefix string) names {
	return names{prefix: strings.NewReplacer("%3A", ":", "%2F", "/").Replace(storenames.Escape(prefix))}
}

func (n names) record(key domain.EnvironmentKey) string { return n.name(string(key), recordKind) }
func (n names) state(name string) string                { return n.name(name, stateKind) }

// leases is the key of the hash of all leases.
func (n names) leases() string { return n.prefix + ":leases" }

// changes is the channel on which changed records are announced. The message is the
// environment's key. One for all environments: a node that follows thousands
// needs one subscription.
func (n names) changes() string { return n.prefix + ":changes" }

// records is the pattern of all records' names, for SCAN. An escaped text has no
// character that is special in a pattern.
func (n names) records() string { return n.prefix + ":{*}:" + recordKind }

// recordKey is the reverse of record. ok is false for a name that record does
// not make.
func (n names) recordKey(name string) (key domain.EnvironmentKey, ok bool) {
	rest, hasPrefix := strings.CutPrefix(name, n.prefix+":{")
	escaped, hasKind := strings.CutSuffix(rest, "}:"+recordKind)
	if !hasPrefix || !hasKind {
		return "", false
	}
	text, ok := storenames.Unescape(escaped)
	return domain.EnvironmentKey(text), ok
}

func (n names) name(text, kind string) string {
	return n.prefix + ":{" + storenames.Escape(text) + "}:" + kind
}
