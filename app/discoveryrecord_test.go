package app

import (
	"slices"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// FuzzDiscoveryRecord checks that a record that can be read is the same after it was written again.
func FuzzDiscoveryRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"confirmed_at":"2026-01-02T03:04:05Z","environments":[{"client_side_key":"a","server_side_keys":[` +
		`{"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","expires_at":"2030-01-02T03:04:05+01:00"},` +
		`{"sha256":"FF0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","expires_at":null}]}]}`))
	f.Add([]byte(`{"version":1,"confirmed_at":"2026-01-02T03:04:05Z","environments":[]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		list, at, err := parseRecord(value)
		if err != nil {
			return
		}
		again, err := formatRecord(list, at)
		if err != nil {
			return // a time that was read may be one that cannot be written in UTC
		}
		list2, at2, err := parseRecord(again)
		if err != nil || !at2.Equal(at) || !slices.EqualFunc(list, list2, domain.EnvironmentKeys.Equal) {
			t.Errorf("%s became %s: %v", value, again, err)
		}
	})
}

func TestSortedListsAreEqualWhateverTheirOrder(t *testing.T) {
	now := time.Now()
	credential := func(text string, at time.Time) domain.Credential {
		return domain.NewCredential(domain.NewServerKey(text), at)
	}
	list := []domain.EnvironmentKeys{
		{Client: "b", Server: []domain.Credential{credential("ser.1", now), credential("ser.2", time.Time{}), credential("ser.3", now.Add(time.Hour)), credential("ser.4", time.Time{})}},
		{Client: "a", Server: []domain.Credential{credential("ser.5", time.Time{})}},
	}
	first := sorted(list)
	if first[0].Client != "a" || !first[1].Server[0].ExpiresAt.IsZero() || !first[1].Server[2].ExpiresAt.Equal(now.Add(time.Hour)) || !first[1].Server[3].ExpiresAt.Equal(now) {
		t.Errorf("sorted is %v", first)
	}
	slices.Reverse(list)
	slices.Reverse(list[1].Server)
	if !slices.EqualFunc(first, sorted(list), domain.EnvironmentKeys.Equal) {
		t.Errorf("another order makes another list: %v", sorted(list))
	}
}
