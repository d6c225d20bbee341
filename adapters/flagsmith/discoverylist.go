package flagsmith

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// maxKey is how long a key may be in bytes: what stores take for a name.
const maxKey = 1024

// listedEnvironment is an entry of the list. Fields are pointers where it matters
// whether they are there.
type listedEnvironment struct {
	ClientSideKey  *string       `json:"client_side_key"`
	ServerSideKeys *[]*listedKey `json:"server_side_keys"`
}

type listedKey struct {
	Key       *string `json:"key"`
	Active    *bool   `json:"active"`
	ExpiresAt *string `json:"expires_at"` // RFC 3339; null: never
}

// parseDiscovered reads a list of environments.
//
// A body of another form is refused as a whole, so that the former list stays: another
// JSON value, an entry or a key without its parts, a part of another type, an expiry
// that is not RFC 3339. Unknown fields are ignored. A key that cannot be one is left
// out with a problem: a blank key, a client-side key that begins with "ser.", a
// server-side key that does not. A list of which nothing is left is refused.
//
// Inactive keys and environments without keys are left out. Expired keys are listed,
// with their expiry. Entries with the same client-side key are one environment with
// the keys of all. A server-side key belongs to the first environment that lists it.
//
// Problems show no server-side key whole.
func parseDiscovered(body []byte) (list []domain.EnvironmentKeys, problems []string, err error) {
	var entries []*listedEnvironment
	if err := json.Unmarshal(body, &entries); err != nil {
		return nil, nil, refusedList(formError(err))
	}
	if entries == nil {
		return nil, nil, refusedList(errors.New("it is null"))
	}
	r := listReader{at: map[domain.EnvironmentKey]int{}, owner: map[domain.KeyDigest]int{}}
	for i, e := range entries {
		if err := r.environment(e); err != nil {
			return nil, nil, refusedList(fmt.Errorf("entry %d: %w", i+1, err))
		}
	}
	for _, e := range r.list {
		if len(e.Server) > 0 {
			list = append(list, e)
		}
	}
	if len(list) == 0 && len(r.problems) > 0 {
		return nil, nil, refusedList(fmt.Errorf("no key in it is usable: %s", r.problems[0]))
	}
	return list, r.problems, nil
}

func refusedList(err error) *failure {
	return &failure{
		status: http.StatusOK,
		cause:  "api_url does not lead to a Flagsmith API that this program understands, or something between answers in its place",
		err:    fmt.Errorf("the response is not a list of environments: %w", err),
	}
}

// formError says what is wrong with a body without repeating any of it.
func formError(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s has another type than expected", kind.Field)
	case errors.As(err, &kind):
		return errors.New("it has another type than expected")
	default:
		return errors.New("it is not JSON")
	}
}

// listReader puts a list together.
type listReader struct {
	list     []domain.EnvironmentKeys
	at       map[domain.EnvironmentKey]int // where in list
	owner    map[domain.KeyDigest]int      // likewise
	problems []string
}

func (r *listReader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *listReader) environment(e *listedEnvironment) error {
	switch {
	case e == nil:
		return errors.New("it is null")
	case e.ClientSideKey == nil:
		return errors.New("client_side_key is missing or null")
	case e.ServerSideKeys == nil:
		return errors.New("server_side_keys is missing or null")
	}
	text := strings.TrimSpace(*e.ClientSideKey)
	key := domain.EnvironmentKey(text)
	usable := isKey(text) && !strings.HasPrefix(text, domain.ServerKeyPrefix)
	if !usable {
		r.problem("an environment is ignored: %s", whyNoClientKey(text))
	} else if _, again := r.at[key]; !again {
		r.at[key] = len(r.list)
		r.list = append(r.list, domain.EnvironmentKeys{Client: key, Discovered: true})
	}
	for i, k := range *e.ServerSideKeys {
		credential, active, err := readCredential(k)
		if err != nil {
			return fmt.Errorf("server_side_keys[%d]: %w", i, err)
		}
		if usable && active {
			r.add(r.at[key], credential)
		}
	}
	return nil
}

// add gives a key to an environment, unless it cannot be a key or belongs to another
// environment.
func (r *listReader) add(environment int, c domain.Credential) {
	e := &r.list[environment]
	if text := c.Key.Reveal(); !isKey(text) || len(text) == len(domain.ServerKeyPrefix) || !strings.HasPrefix(text, domain.ServerKeyPrefix) {
		r.problem("a server-side key of %s is ignored: it is blank, has blanks within, is longer than %d bytes or does not begin with %q",
			e.Client, maxKey, domain.ServerKeyPrefix)
		return
	}
	switch owner, taken := r.owner[c.Digest]; {
	case !taken:
		r.owner[c.Digest] = environment
		e.Server = append(e.Server, c)
	case owner != environment:
		r.problem("the server-side key %s of %s is ignored: it is one of %s too", c.Key, e.Client, r.list[owner].Client)
	}
}

func readCredential(k *listedKey) (c domain.Credential, active bool, err error) {
	switch {
	case k == nil:
		return c, false, errors.New("it is null")
	case k.Key == nil:
		return c, false, errors.New("key is missing or null")
	case k.Active == nil:
		return c, false, errors.New("active is missing or null")
	}
	var expiresAt time.Time
	if k.ExpiresAt != nil {
		if expiresAt, err = time.Parse(time.RFC3339, *k.ExpiresAt); err != nil {
			return c, false, errors.New("expires_at is not a time")
		}
	}
	return domain.NewCredential(domain.NewServerKey(strings.TrimSpace(*k.Key)), expiresAt), *k.Active, nil
}

func whyNoClientKey(text string) string {
	switch {
	case text == "":
		return "its client_side_key is blank"
	case strings.HasPrefix(text, domain.ServerKeyPrefix):
		return "its client_side_key " + domain.MaskServerKey(text) + " is a server-side key"
	default:
		return fmt.Sprintf("its client_side_key has blanks or control characters or is longer than %d bytes", maxKey)
	}
}

// isKey reports whether text can be sent as a header and be a name in a store.
func isKey(text string) bool {
	return text != "" && len(text) <= maxKey && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
