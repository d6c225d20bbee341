package reporting_test

import (
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
)

// counting returns Analytics that nobody takes, which count features.
func counting(f *reporting.Features) *reporting.Analytics {
	return reporting.NewAnalytics(reporting.AnalyticsOptions{Features: f, Pace: reporting.Pace{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}})
}

// totals returns all totals by environment and feature.
func totals(t *testing.T, f *reporting.Features) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	f.Each(func(environment domain.EnvironmentKey, feature string, n int64) {
		name := string(environment) + "/" + feature
		if _, twice := all[name]; twice {
			t.Errorf("%s has two totals", name)
		}
		all[name] = n
	})
	return all
}

func counts(names ...string) (list []domain.FeatureCount) {
	for _, name := range names {
		list = append(list, domain.FeatureCount{Feature: name, Count: 2})
	}
	return list
}

// Totals add up what both kinds of reports count, also where upstream takes none, and go on
// when environments are set again.
func TestFeaturesAreCounted(t *testing.T) {
	f := reporting.NewFeatures(10)
	a := counting(f)
	a.AddCounts("shop", counts("early")) // nothing is known of it yet
	f.Track(discovered("shop", "depot"))
	a.AddCounts("shop", counts("cart", "search", "cart"))
	a.AddEvaluations("shop", []domain.FeatureEvaluation{{Feature: "cart", Identity: "ada", Enabled: true, Count: 5}})
	f.Track(discovered("depot", "shop"))
	a.AddCounts("depot", counts("cart"))
	if got, want := totals(t, f), map[string]int64{"shop/cart": 9, "shop/search": 2, "depot/cart": 2}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// There are never more totals than were allowed, and nothing is lost: the rest is in that of
// the environment, or of all environments.
func TestFeaturesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		most int
		want map[string]int64
	}{
		{1, map[string]int64{"_other/_other": 12}},
		{2, map[string]int64{"a/_other": 6, "_other/_other": 6}},
		{4, map[string]int64{"a/x": 2, "a/y": 2, "a/_other": 2, "_other/_other": 6}},
		{7, map[string]int64{"a/x": 2, "a/y": 2, "a/z": 2, "b/x": 2, "b/_other": 4}},
		{9, map[string]int64{"a/x": 2, "a/y": 2, "a/z": 2, "b/x": 2, "b/y": 2, "b/z": 2}},
	} {
		t.Run(strconv.Itoa(tt.most), func(t *testing.T) {
			f := reporting.NewFeatures(tt.most)
			f.Track(discovered("a", "b"))
			a := counting(f)
			a.AddCounts("a", counts("x", "y", "z"))
			a.AddCounts("b", counts("x", "y", "z"))
			if got := totals(t, f); !maps.Equal(got, tt.want) || len(got) > tt.most {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// A removed environment makes room, and begins again when it comes back.
func TestRemovedEnvironmentsMakeRoomForFeatures(t *testing.T) {
	f := reporting.NewFeatures(3)
	f.Track(discovered("a", "b"))
	a := counting(f)
	a.AddCounts("a", counts("x"))
	a.AddCounts("b", counts("x"))
	f.Track(discovered("c"))
	a.AddCounts("a", counts("x"))
	a.AddCounts("c", counts("x", "y"))
	if got, want := totals(t, f), map[string]int64{"c/x": 2, "c/_other": 2, "_other/_other": 2}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	f.Track(discovered("a"))
	a.AddCounts("a", counts("x"))
	if got, want := totals(t, f), map[string]int64{"a/x": 2, "_other/_other": 2}; !maps.Equal(got, want) {
		t.Errorf("then %v, want %v", got, want)
	}
}

// Names that mean something here, and names that are not UTF-8, give no total twice.
func TestOddNamesOfFeatures(t *testing.T) {
	f := reporting.NewFeatures(10)
	f.Track(discovered("a", "_other"))
	a := counting(f)
	a.AddCounts("a", counts("_other", "\xff", "\xfe", ""))
	a.AddCounts("_other", counts("x", "_other"))
	if got, want := totals(t, f), map[string]int64{"a/_other": 2, "a/\uFFFD": 4, "a/": 2, "_other/_other": 4}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFeaturesAtATime(t *testing.T) {
	const workers, rounds, most = 8, 200, 20
	f := reporting.NewFeatures(most)
	f.Track(discovered("a", "b"))
	a := counting(f)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				a.AddCounts(domain.EnvironmentKey([]string{"a", "b"}[w%2]), counts(fmt.Sprint(i%30)))
				f.Track(discovered("a", "b"))
			}
		})
	}
	all.Wait()
	sum := int64(0)
	got := totals(t, f)
	for _, n := range got {
		sum += n
	}
	if len(got) > most || sum != 2*workers*rounds {
		t.Errorf("%d totals of %d evaluations, want at most %d of %d", len(got), sum, most, 2*workers*rounds)
	}
}
