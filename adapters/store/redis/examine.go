package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/ports"
)

var _ ports.Examiner = (*store)(nil)

// fullShare is the share of maxmemory from which a server is nearly full.
const fullShare = 0.9

// clusterSlots is how many slots a Cluster has. Each key is in one of them.
const clusterSlots = 16384

// Examine implements ports.Examiner: what each server with keys does when its memory is
// full, and whether it nearly is; in a Cluster also whether it serves all keys.
func (s *store) Examine(ctx context.Context) ([]ports.StoreFinding, error) {
	const call = "examine"
	var found []ports.StoreFinding
	if nodes, ok := s.client.(*goredis.ClusterClient); ok {
		slots, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) ([]goredis.ClusterSlot, error) {
			//lint:ignore SA1019 users are allowed this one: the client finds its servers by it
			return nodes.ClusterSlots(ctx).Result()
		})
		if err != nil {
			return nil, err
		}
		found = judgeSlots(slots)
		// Users need not be allowed to ask for it: what it says beyond the slots is rare.
		if info, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (string, error) { return nodes.ClusterInfo(ctx).Result() }); err == nil {
			found = append(found, judgeState(info)...)
		}
	}
	masters, err := do(ctx, s, call, s.patience(0), s.masters)
	if err != nil {
		return found, err
	}
	for _, master := range masters {
		name := "The server"
		if one, ok := master.(*goredis.Client); ok && len(masters) > 1 {
			name += " " + one.Options().Addr
		}
		text, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (string, error) {
			return master.Info(ctx, "memory").Result()
		})
		if err != nil {
			return found, err
		}
		found = append(found, judgeMemory(name, text)...)
	}
	return found, nil
}

// judgeSlots judges whether the servers of a Cluster together have all slots.
func judgeSlots(slots []goredis.ClusterSlot) []ports.StoreFinding {
	var served [clusterSlots]bool
	for _, s := range slots {
		if len(s.Nodes) == 0 {
			continue
		}
		for slot := max(s.Start, 0); slot <= min(s.End, clusterSlots-1); slot++ {
			served[slot] = true
		}
	}
	missing, first := 0, -1
	for slot, has := range served {
		if !has {
			missing++
			if first < 0 {
				first = slot
			}
		}
	}
	if missing == 0 {
		return nil
	}
	return []ports.StoreFinding{{
		What:   fmt.Sprintf("No server of the Cluster has %d of its %d slots, the first of them %d: documents whose keys are there cannot be stored or read.", missing, clusterSlots, first),
		Do:     "Bring the missing servers back, or assign their slots to others: redis-cli --cluster check HOST:PORT, then --cluster fix.",
		Broken: true,
	}}
}

// judgeState judges the answer to CLUSTER INFO.
func judgeState(info string) []ports.StoreFinding {
	state := values(info)["cluster_state"]
	if state == "" || state == "ok" {
		return nil
	}
	return []ports.StoreFinding{{
		What:   fmt.Sprintf("The Cluster has the state %q, in which it serves no keys.", state),
		Do:     "Bring the missing servers back: redis-cli --cluster check HOST:PORT says which.",
		Broken: true,
	}}
}

// values reads lines of names and values, as INFO and CLUSTER INFO answer.
func values(info string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			all[name] = value
		}
	}
	return all
}

// judgeMemory judges the section "memory" of INFO of a server.
func judgeMemory(server, info string) []ports.StoreFinding {
	values := values(info)
	var found []ports.StoreFinding
	if policy := values["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		found = append(found, ports.StoreFinding{
			What: fmt.Sprintf("%s has the maxmemory-policy %q, by which it may delete documents and leases when its memory is full.", server, policy),
			Do:   "Set maxmemory-policy to noeviction, or use a server that is not a cache.",
		})
	}
	limit, _ := strconv.ParseFloat(values["maxmemory"], 64) // 0, also where it is missing: no limit
	used, _ := strconv.ParseFloat(values["used_memory"], 64)
	if limit > 0 && used > fullShare*limit {
		found = append(found, ports.StoreFinding{
			What: fmt.Sprintf("%s uses %.0f %% of its maxmemory, %.0f of %.0f bytes.", server, 100*used/limit, used, limit),
			Do:   "Raise maxmemory, or remove what is not needed from the server.",
			Room: true,
		})
	}
	return found
}
