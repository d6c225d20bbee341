package redis

import (
	"strings"
	"testing"
)

func TestJudgeMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		info string
		want []string
	}{
		"nothing known": {"", nil},
		"not INFO":      {"hello\r\nmaxmemory\r\n", nil},
		"well":          {"# Memory\r\nused_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", nil},
		"half full":     {"used_memory:500\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n", nil},
		"evicts":        {"used_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", []string{`"allkeys-lru"`}},
		"full":          {"used_memory:950\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n", []string{"95 %"}},
		"both":          {"used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:volatile-ttl\r\n", []string{`"volatile-ttl"`, "100 %"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := judgeMemory(c.info)
			if len(found) != len(c.want) {
				t.Fatalf("found %v, want %v", found, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(found[i].What, want) || found[i].Do == "" {
					t.Errorf("found %+v, want %s", found[i], want)
				}
			}
		})
	}
}
