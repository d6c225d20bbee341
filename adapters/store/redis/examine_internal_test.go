package redis

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

func TestJudgeCluster(t *testing.T) {
	t.Parallel()
	node := []goredis.ClusterNode{{Addr: "10.0.0.1:6379"}}
	for name, c := range map[string]struct {
		slots []goredis.ClusterSlot
		want  string
	}{
		"one server":       {[]goredis.ClusterSlot{{Start: 0, End: 16383, Nodes: node}}, ""},
		"three servers":    {[]goredis.ClusterSlot{{Start: 10923, End: 16383, Nodes: node}, {Start: 0, End: 5460, Nodes: node}, {Start: 5461, End: 10922, Nodes: node}}, ""},
		"one is missing":   {[]goredis.ClusterSlot{{Start: 0, End: 5460, Nodes: node}, {Start: 10923, End: 16383, Nodes: node}}, "5462 of its 16384 slots, the first of them 5461"},
		"the last slot":    {[]goredis.ClusterSlot{{Start: 0, End: 16382, Nodes: node}}, "1 of its 16384 slots, the first of them 16383"},
		"slots of nobody":  {[]goredis.ClusterSlot{{Start: 0, End: 16383}}, "16384 of its 16384 slots, the first of them 0"},
		"none":             {nil, "16384 of its 16384"},
		"beyond its slots": {[]goredis.ClusterSlot{{Start: -5, End: 99999, Nodes: node}}, ""},
	} {
		found := judgeSlots(c.slots)
		if len(found) != min(len(c.want), 1) || len(found) == 1 && (!strings.Contains(found[0].What, c.want) || !found[0].Broken || found[0].Do == "") {
			t.Errorf("%s: %+v, want %q", name, found, c.want)
		}
	}
	for info, broken := range map[string]bool{"cluster_state:ok\r\ncluster_slots_assigned:16384\r\n": false, "cluster_state:fail\r\n": true, "": false, "nothing": false} {
		if found := judgeState(info); (len(found) == 1) != broken || broken && !strings.Contains(found[0].What, `"fail"`) {
			t.Errorf("%q: %+v", info, found)
		}
	}
}

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
			found := judgeMemory("The server", c.info)
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
