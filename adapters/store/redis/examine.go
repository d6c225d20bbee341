package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

var _ ports.Examiner = (*store)(nil)

// fullShare is the share of maxmemory from which a server is nearly full.
const fullShare = 0.9

// Examine implements ports.Examiner: what the server does when its memory is full, and
// whether it nearly is. In a cluster it is asked of one server.
func (s *store) Examine(ctx context.Context) ([]ports.StoreFinding, error) {
	text, err := do(ctx, s, "examine", s.patience(0), func(ctx context.Context) (string, error) {
		return s.client.Info(ctx, "memory").Result()
	})
	if err != nil {
		return nil, err
	}
	return judgeMemory(text), nil
}

// judgeMemory judges the section "memory" of INFO.
func judgeMemory(info string) []ports.StoreFinding {
	values := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	var found []ports.StoreFinding
	if policy := values["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		found = append(found, ports.StoreFinding{
			What: fmt.Sprintf("The server has the maxmemory-policy %q, by which it may delete documents and leases when its memory is full.", policy),
			Do:   "Set maxmemory-policy to noeviction, or use a server that is not a cache.",
		})
	}
	limit, _ := strconv.ParseFloat(values["maxmemory"], 64) // 0, also where it is missing: no limit
	used, _ := strconv.ParseFloat(values["used_memory"], 64)
	if limit > 0 && used > fullShare*limit {
		found = append(found, ports.StoreFinding{
			What: fmt.Sprintf("The server uses %.0f %% of its maxmemory, %.0f of %.0f bytes.", 100*used/limit, used, limit),
			Do:   "Raise maxmemory, or remove what is not needed from the server.",
		})
	}
	return found
}
