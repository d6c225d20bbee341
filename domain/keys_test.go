package domain_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

func TestServerKeysAreNeverShownWhole(t *testing.T) {
	const secret = "ser.QmFzZTY0RW5jb2RlZA"
	key := domain.NewServerKey(secret)
	encoded, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ Key domain.ServerKey }{key}
	for _, shown := range []string{key.String(), fmt.Sprint(key), fmt.Sprintf("%v %s %q %#v %+v", key, key, key, key, holder), string(encoded)} {
		if strings.Contains(shown, secret) || !strings.Contains(shown, "lZA") {
			t.Errorf("%s", shown)
		}
	}
	if key.Reveal() != secret {
		t.Error("Reveal does not return the key")
	}
	for _, short := range []string{"ser.", "ser.a", "ser.ab", "ser.abcdef", ""} {
		if rest := strings.TrimPrefix(short, "ser."); len(rest) > 0 && strings.HasSuffix(domain.MaskServerKey(short), rest) {
			t.Errorf("%s is shown as %s", short, domain.MaskServerKey(short))
		}
	}
}

func TestKeyRing(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	byDigest := domain.Credential{Digest: domain.NewServerKey("ser.stored").Digest()}
	ring := domain.NewKeyRing([]domain.EnvironmentKeys{
		{Client: "a", Server: []domain.Credential{
			domain.NewCredential(domain.NewServerKey("ser.a1"), now),
			domain.NewCredential(domain.NewServerKey("ser.a2"), now.Add(time.Second)),
		}},
		{Client: "b", Server: []domain.Credential{byDigest}},
		{Client: "a", Server: []domain.Credential{domain.NewCredential(domain.NewServerKey("ser.late"), time.Time{})}},
	})
	for key, want := range map[string]string{
		"a": "a 0", "b": "b 0", "ser.a2": "a 1", "ser.stored": "b 1", "ser.late": "a 1",
		"ser.a1": "", "": "", "A": "", "ser.": "", "ser.x": "", "c": "",
	} {
		got := ""
		if e, access, ok := ring.Authenticate(key, clock); ok {
			got = fmt.Sprint(e, " ", access)
		}
		if got != want {
			t.Errorf("%q authenticates as %q, want %q", key, got, want)
		}
	}
	for key, want := range map[string]string{"ser.a2": "ser.a2", "ser.late": "ser.late", "ser.a1": "", "ser.stored": "", "ser.x": ""} {
		if got := ring.ServerKey(domain.NewServerKey(key).Digest(), now).Reveal(); got != want {
			t.Errorf("the digest of %q leads to %q, want %q", key, got, want)
		}
	}
	same := domain.EnvironmentKeys{Client: "b", Server: []domain.Credential{byDigest}}
	if !ring.Environments()[1].Equal(same) {
		t.Error("equal keys differ")
	}
	for name, other := range map[string]domain.EnvironmentKeys{
		"client key": {Client: "c", Server: same.Server}, "discovered": {Client: "b", Server: same.Server, Discovered: true}, "fewer": {Client: "b"},
		"known whole": {Client: "b", Server: []domain.Credential{domain.NewCredential(domain.NewServerKey("ser.stored"), time.Time{})}},
		"expiry":      {Client: "b", Server: []domain.Credential{{Digest: byDigest.Digest, ExpiresAt: now}}},
	} {
		if same.Equal(other) {
			t.Errorf("%s: keys that differ are equal", name)
		}
	}
	if !ring.Has("a") || ring.Has("ser.a2") || ring.Has("c") {
		t.Error("Has is wrong")
	}
	a := ring.Environments()[0]
	if keys := a.FetchKeys(now); len(keys) != 1 || keys[0].Reveal() != "ser.a2" {
		t.Errorf("fetches with %v, want the key that is valid", keys)
	}
	if keys := a.FetchKeys(now.Add(time.Hour)); len(keys) != 0 || a.Valid(now.Add(time.Hour)) {
		t.Errorf("fetches with %v, which have expired", keys)
	}
	b := ring.Environments()[1]
	if keys := b.FetchKeys(now); len(keys) != 0 || !b.Valid(now) {
		t.Errorf("fetches with %v, known by digest only", keys)
	}
}
