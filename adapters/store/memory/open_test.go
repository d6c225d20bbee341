package memory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestOpenTakesItsURLOnly(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"memory:", ""},
		{"memory://", ""},
		{"memory:?", ""},
		{"MEMORY:", ""},
		{"memory:?size=5", `unknown parameter "size"`},
		{"memory:?b=1&a=2", `unknown parameter "a"`},
		{"memory:?a;b", "parameters cannot be read"},
		{"memory:documents", "neither an address nor a path"},
		{"memory:///documents", "neither an address nor a path"},
		{"memory://host", "neither an address nor a path"},
		{"memory://user:s3cret@", "neither an address nor a path"},
		{"memory:?password=s3cret", `unknown parameter "password"`},
		{"memory:#s3cret", "neither an address nor a path"},
		{"bolt:///s3cret", `the scheme is "bolt"`},
	} {
		t.Run(test.url, func(t *testing.T) {
			s, err := memory.Open(t.Context(), parse(t, test.url), deps(time.Now))
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("no error, want one with %q", test.want)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"memory:"`) {
				t.Errorf("error %q, want one with %q that says what to write", err, test.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q shows a secret", err)
			}
		})
	}
}

func TestStoresOfOpenAreApart(t *testing.T) {
	var stores [2]ports.Store
	for i := range stores {
		s, err := memory.Open(t.Context(), parse(t, "memory:"), deps(time.Now))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		stores[i] = s
	}
	versions := make(map[ports.Version]bool)
	for _, s := range stores {
		if _, err := s.Get(t.Context(), "key"); !errors.Is(err, ports.ErrNotFound) {
			t.Errorf("Get from a new store: error %v, want %v", err, ports.ErrNotFound)
		}
		v, err := s.Put(t.Context(), ports.Record{Key: "key"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if versions[v] {
			t.Errorf("both stores named their first record %q", v)
		}
		versions[v] = true
	}
}
