package fakeflagsmith

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
)

// maxUsageRows is the most rows that one usage request may have.
const maxUsageRows = 1000

// UsageRow is a count of served requests.
type UsageRow struct {
	ClientKey string `json:"client_side_key"`
	Resource  string `json:"resource"`
	Count     int64  `json:"count"`
}

// usageLedger sums usage, each idempotency key once. The server's lock guards it.
type usageLedger struct {
	seen   map[string]bool
	counts map[UsageRow]int64 // by a row whose Count is 0
}

func newUsageLedger() usageLedger {
	return usageLedger{seen: map[string]bool{}, counts: map[UsageRow]int64{}}
}

func (l *usageLedger) add(idempotencyKey string, rows []UsageRow) {
	if l.seen[idempotencyKey] {
		return
	}
	l.seen[idempotencyKey] = true
	for _, row := range rows {
		l.counts[UsageRow{ClientKey: row.ClientKey, Resource: row.Resource}] += row.Count
	}
}

// Usage returns the accepted counts summed by environment and resource, sorted
// by these. A batch sent twice under one idempotency key counts once.
func (s *Server) Usage() []UsageRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([]UsageRow, 0, len(s.usage.counts))
	for row, count := range s.usage.counts {
		row.Count = count
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b UsageRow) int {
		return cmp.Or(cmp.Compare(a.ClientKey, b.ClientKey), cmp.Compare(a.Resource, b.Resource))
	})
	return rows
}

// serveUsage answers POST /api/v1/proxy/usage/.
func (s *Server) serveUsage(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, endpoint{target: ProxyUsage, answer: func(body []byte) answer {
		return s.withProxyKey(r, func() answer { return s.acceptUsage(r.Header.Get("Idempotency-Key"), body) })
	}})
}

func (s *Server) acceptUsage(idempotencyKey string, body []byte) answer {
	var rows []UsageRow
	if err := json.Unmarshal(body, &rows); err != nil || rows == nil {
		return detail(http.StatusBadRequest, "Expected a list of usage rows.")
	}
	if idempotencyKey == "" {
		return detail(http.StatusBadRequest, "Idempotency-Key is required.")
	}
	if len(rows) > maxUsageRows {
		return detail(http.StatusBadRequest, "Too many rows.")
	}
	for _, row := range rows {
		if row.ClientKey == "" || row.Resource == "" || row.Count < 0 {
			return detail(http.StatusBadRequest, "Invalid usage row.")
		}
	}
	s.usage.add(idempotencyKey, rows)
	return jsonAnswer(http.StatusOK, map[string]int{"accepted": len(rows)})
}
