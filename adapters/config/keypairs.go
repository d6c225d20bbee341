package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tailscale/hujson"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	serverSideKey = "server_side_key"
	clientSideKey = "client_side_key"

	// What Render writes in place of keys, and Load asks to be replaced.
	placeholderServerKey = "ser.replace_with_your_server_side_key"
	placeholderClientKey = "replace_with_your_client_side_key"
)

// parseKeyPairs reads environment_key_pairs (docs/spec/behaviour.md#key-pairs).
// It reports everything that is wrong with them at once, as a *ProblemsError.
func parseKeyPairs(l *loader, d *definition, text string) ([]KeyPair, error) {
	r, elements, err := l.readList(d, text)
	if err != nil {
		return nil, err
	}
	var pairs []KeyPair
	clientOf := map[string]KeyPair{} // by server-side key
	for i, element := range elements {
		key := fmt.Sprintf("%s[%d]", d.key, i)
		if c := l.settled[d]; c != nil && i < len(c.elements) {
			r.origin = c.elements[i]
		}
		pair, ok := r.pair(key, element)
		if !ok {
			continue
		}
		other, repeated := clientOf[pair.ServerSideKey.Reveal()]
		switch {
		case repeated && other == pair:
			l.warn(key, "the same pair of keys stands earlier in the list", r.origin)
		case repeated:
			r.problem(key+"."+serverSideKey, quote(pair.ServerSideKey.String()),
				fmt.Sprintf("another key than that of %s: a server-side key belongs to one environment", quote(string(other.ClientSideKey))))
		default:
			clientOf[pair.ServerSideKey.Reveal()] = pair
			pairs = append(pairs, pair)
		}
	}
	return pairs, r.err()
}

// Environments returns the configured key pairs grouped by environment, in their
// order.
func (s Settings) Environments() []domain.EnvironmentKeys {
	var list []domain.EnvironmentKeys
	at := map[domain.EnvironmentKey]int{}
	for _, pair := range s.EnvironmentKeyPairs {
		i, known := at[pair.ClientSideKey]
		if !known {
			i = len(list)
			at[pair.ClientSideKey] = i
			list = append(list, domain.EnvironmentKeys{Client: pair.ClientSideKey})
		}
		var noExpiry time.Time
		list[i].Server = append(list[i].Server, domain.NewCredential(pair.ServerSideKey, noExpiry))
	}
	return list
}

func (r *listReader) pair(key string, value hujson.Value) (KeyPair, bool) {
	members, ok := r.members(key, value, serverSideKey, clientSideKey)
	if !ok {
		return KeyPair{}, false
	}
	server, serverOK := r.key(key+"."+serverSideKey, members[serverSideKey], r.checkServerKey)
	client, clientOK := r.key(key+"."+clientSideKey, members[clientSideKey], r.checkClientKey)
	return KeyPair{domain.NewServerKey(server), domain.EnvironmentKey(client)}, serverOK && clientOK
}

// key reads one key: a text, or an object that names a file.
func (r *listReader) key(key string, value hujson.Value, check func(key, text string) bool) (string, bool) {
	const allowed = "a text"
	if value.Value == nil {
		r.problem(key, "missing", allowed)
		return "", false
	}
	text, isText := literalText(value.Value)
	if !isText {
		path, isFile := fileReference(value.Value)
		if !isFile {
			r.problem(key, describe(value.Value, true), allowed)
			return "", false
		}
		var wrong *Problem
		if text, wrong = r.loader.readSecret(path); wrong != nil {
			r.problem(key, wrong.Value, wrong.Allowed)
			return "", false
		}
	}
	text = strings.TrimSpace(text)
	return text, check(key, text)
}

func (r *listReader) checkServerKey(key, text string) bool {
	rest, hasPrefix := strings.CutPrefix(text, domain.ServerKeyPrefix)
	switch {
	case text == placeholderServerKey:
		r.problem(key, "the placeholder of the rendered configuration", "replaced by your environment's server-side key")
	case text == "":
		r.problem(key, "empty", fmt.Sprintf("a server-side key, which begins with %q", domain.ServerKeyPrefix))
	case !hasPrefix || !visible(rest):
		r.problem(key, quote(mask(text)), fmt.Sprintf("a server-side key, which begins with %q and has no blanks", domain.ServerKeyPrefix))
	case !serverKey.MatchString(rest):
		// Masking in logs depends on the characters of keys.
		r.problem(key, quote(mask(text)), fmt.Sprintf("a server-side key, which has only letters, digits and . _ - after %q; was something pasted along with it?", domain.ServerKeyPrefix))
	default:
		return true
	}
	return false
}

// serverKey are the characters of server-side keys behind the prefix: Flagsmith makes
// them of letters and digits.
var serverKey = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func (r *listReader) checkClientKey(key, text string) bool {
	switch {
	case text == placeholderClientKey:
		r.problem(key, "the placeholder of the rendered configuration", "replaced by your environment's client-side key")
	case text == "":
		r.problem(key, "empty", "a client-side key")
	case strings.HasPrefix(text, domain.ServerKeyPrefix):
		// Client-side keys are shown everywhere; a server-side key must not be one.
		r.problem(key, quote(mask(text)), "a client-side key, not a server-side key")
	case !visible(text):
		r.problem(key, quote(text), "a client-side key without blanks and control characters")
	default:
		return true
	}
	return false
}
