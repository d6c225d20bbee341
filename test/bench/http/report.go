package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// report prints the measurements of one process at one endpoint.
func report(e endpoint, v, bare, plain *variant, bytes int) {
	faster := func(own, other round) float64 { return own.Rate / other.Rate }
	cheaper := func(own, other round) float64 { return float64(other.cpu) / float64(max(1, own.cpu)) }
	ratios := v.ratiosTo(bare, faster)
	failed := int64(0)
	for _, r := range v.runs {
		failed += r.Failed
	}
	ratio := fmt.Sprintf("%.2f (%.2f to %.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
	cost := fmt.Sprintf("%.2f", median(v.ratiosTo(bare, cheaper)))
	note := ""
	switch {
	case v == bare:
		ratio, cost = "1", "1"
	case v != plain:
		note = fmt.Sprintf("  to the plain proxy: rate %.2f, CPU %.2f", median(v.ratiosTo(plain, faster)), median(v.ratiosTo(plain, cheaper)))
	case median(ratios) < e.goal:
		note = fmt.Sprintf("  below the goal of %.2f", e.goal)
	}
	fmt.Printf("%-16s %-11s %7d %8.0f  %-19s %9s %9s %9s %9s %6d%s\n", e.name, v.name, bytes,
		medianOf(v.runs, func(r round) float64 { return r.Rate }), ratio,
		medianOf(v.runs, func(r round) time.Duration { return r.P50 }).Round(time.Microsecond),
		medianOf(v.runs, func(r round) time.Duration { return r.P99 }).Round(time.Microsecond),
		medianOf(v.runs, func(r round) time.Duration { return r.cpu }).Round(10*time.Nanosecond), cost, failed, note)
}

// ratiosTo returns the ratios of v to other, round by round.
func (v *variant) ratiosTo(other *variant, ratio func(own, other round) float64) []float64 {
	ratios := make([]float64, len(v.runs))
	for i, r := range v.runs {
		ratios[i] = ratio(r, other.runs[i])
	}
	return ratios
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func medianOf[T cmp.Ordered](runs []round, of func(round) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	return median(values)
}

// sweetSpot is the share of the peak that the sweet spot must reach. More
// connections add waiting time and no throughput.
const sweetSpot = 0.95

// sweepAll prints requests a second by number of connections, the peak, and the
// fewest connections that nearly reach it.
func (b *bench) sweepAll(ctx context.Context) error {
	b.serveProfile()
	process, err := b.startProxy(ctx, "proxy", nil)
	if err != nil {
		return err
	}
	defer process.Stop()
	connections := []int{1, 2, 5, 10, 25, 50, 100}
	fmt.Printf("requests a second on one core, median of %d rounds of %s; sweet spot: the fewest connections with %.0f %% of the peak\n\n%-16s", b.rounds, b.duration, sweetSpot*100, "endpoint")
	for _, n := range connections {
		fmt.Printf(" %7d", n)
	}
	fmt.Printf(" | %7s %10s\n", "peak", "sweet spot")
	for _, e := range endpoints() {
		if !b.endpoints.MatchString(e.name) {
			continue
		}
		rates := make([]float64, len(connections))
		fmt.Printf("%-16s", e.name)
		for i, n := range connections {
			var runs []round
			for range b.rounds {
				r, err := b.measure(ctx, process, e.request, n)
				if err != nil {
					return fmt.Errorf("%s: %w", e.name, err)
				}
				runs = append(runs, r)
			}
			rates[i] = medianOf(runs, func(r round) float64 { return r.Rate })
			fmt.Printf(" %7.0f", rates[i])
		}
		peak := slices.Max(rates)
		spot := slices.IndexFunc(rates, func(rate float64) bool { return rate >= sweetSpot*peak })
		fmt.Printf(" | %7.0f %10d\n", peak, connections[spot])
	}
	return nil
}
