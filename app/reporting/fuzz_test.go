package reporting_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// FuzzSpool puts anything into a spool: what is served afterwards is reported all
// the same, and only batches that can be are taken out of it.
func FuzzSpool(f *testing.F) {
	for _, seed := range []string{
		`{"node":"n","batches":[{"key":"k","rows":[{"client_side_key":"x","resource":"identities","count":7}]}]}`,
		`{"batches":[{"key":"k","rows":[]}]}`, `{"batches":null}`, `[]`, `{`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		synctest.Test(t, func(t *testing.T) {
			u, b := newUpstream(), sharedmemory.New()
			if _, err := handle(t, b).PutState(t.Context(), "usage/spool/0", value, ""); err != nil {
				t.Fatal(err)
			}
			p := start(t, u, b, "node")
			pass(time.Second)
			found := u.of("a", domain.ResourceFlags)
			p.served(2)
			pass(2 * interval)
			u.takes(t, "a", found+2)
			for _, b := range u.came() {
				if b.Key == "" || len(b.Rows) == 0 {
					t.Errorf("sent %+v", b)
				}
				for _, r := range b.Rows {
					if r.Count <= 0 || r.Environment == "" {
						t.Errorf("sent %+v", r)
					}
				}
			}
		})
	})
}

// FuzzEventSlot puts anything into a slot: events that are accepted afterwards are sent
// all the same, once, and only batches that can be are taken out of it.
func FuzzEventSlot(f *testing.F) {
	for _, seed := range []string{
		`{"node":"n","batches":[{"client_side_key":"x","sdk":"s","lengths":[2,7]}]}` + "\n" + `{}{"a":1}`,
		`{"batches":[{"client_side_key":"x","lengths":[9]}]}` + "\n{}", `{"batches":null}` + "\n", "[]\n", "{", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCollector(), eventsStore(t)
			for name, value := range map[string][]byte{"events/slots": []byte("1"), "events/slots/0": value} {
				if _, err := store.PutState(t.Context(), name, value, ""); err != nil {
					t.Fatal(err)
				}
			}
			p := forward(t, c, store, "node")
			pass(time.Second)
			const mine = `{"event":"of this test"}`
			p.accept(t, mine)
			pass(2 * eventInterval)
			if n := c.taken[mine]; n != 1 {
				t.Errorf("the event was sent %d times", n)
			}
			for _, b := range c.requests() {
				if b.Environment == "" || len(b.Events) == 0 || slices.Contains(b.Events, "") {
					t.Errorf("sent %+v", b)
				}
			}
		})
	})
}
