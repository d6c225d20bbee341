package reporting

import (
	"cmp"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
)

// openBatches are batches that nobody has sent, so that they may still grow. Removed
// environments have batches of their own: upstream may refuse a whole batch for a row
// of an unknown environment.
type openBatches struct{ present, removed []domain.UsageBatch }

func (o openBatches) batches() []domain.UsageBatch { return slices.Concat(o.present, o.removed) }

// plus returns the batches with more rows. It does not change o.
func (o openBatches) plus(present, removed []domain.UsageRow, newKey func() string) openBatches {
	return openBatches{pack(o.present, present, newKey), pack(o.removed, removed, newKey)}
}

// pack returns batches with more rows, and as many new batches as their number takes.
// It does not change its arguments.
func pack(batches []domain.UsageBatch, more []domain.UsageRow, newKey func() string) []domain.UsageBatch {
	if len(more) == 0 {
		return batches
	}
	rows := slices.Clone(more)
	for _, b := range batches {
		rows = append(rows, b.Rows...)
	}
	rows = sum(rows)
	packed := make([]domain.UsageBatch, 0, len(rows)/domain.MaxUsageRows+1)
	for part := range slices.Chunk(rows, domain.MaxUsageRows) {
		b := domain.UsageBatch{Rows: part}
		if n := len(packed); n < len(batches) {
			b.Key = batches[n].Key
		} else {
			b.Key = newKey()
		}
		packed = append(packed, b)
	}
	return packed
}

// sum sorts rows and adds up those with the same environment and resource. It reuses
// the slice.
func sum(rows []domain.UsageRow) []domain.UsageRow {
	slices.SortFunc(rows, func(a, b domain.UsageRow) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Resource, b.Resource))
	})
	summed := rows[:0]
	for _, r := range rows {
		if last := len(summed) - 1; last >= 0 && summed[last].Environment == r.Environment && summed[last].Resource == r.Resource {
			summed[last].Count += r.Count
		} else {
			summed = append(summed, r)
		}
	}
	return summed
}
