package reporting_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// sink takes analytics. answer, if set, decides what becomes of a report.
type sink struct {
	mu          sync.Mutex
	answer      func(environment domain.EnvironmentKey) error
	counts      map[string]int64 // by environment and feature
	evaluations map[string]int64 // by environment, feature, identity and state
	reports     int
	largest     int
	highest     int64
}

func newSink() *sink {
	return &sink{counts: map[string]int64{}, evaluations: map[string]int64{}}
}

func (s *sink) script(answer func(domain.EnvironmentKey) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *sink) take(key domain.EnvironmentKey, entries int, into func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports++
	s.largest = max(s.largest, entries)
	if s.answer != nil {
		if err := s.answer(key); err != nil {
			return err
		}
	}
	into()
	return nil
}

func (s *sink) ReportCounts(_ context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error {
	return s.take(key, len(counts), func() {
		for _, c := range counts {
			s.counts[string(key)+" "+c.Feature] += c.Count
			s.highest = max(s.highest, c.Count)
		}
	})
}

func (s *sink) ReportEvaluations(_ context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error {
	return s.take(key, len(evaluations), func() {
		for _, e := range evaluations {
			s.evaluations[fmt.Sprintf("%s %s %q %t", key, e.Feature, e.Identity, e.Enabled)] += e.Count
		}
	})
}

func (s *sink) has(t *testing.T, counts map[string]int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(s.counts, counts) {
		t.Errorf("counts are %v, want %v", s.counts, counts)
	}
}

func (s *sink) hasEvaluations(t *testing.T, evaluations map[string]int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(s.evaluations, evaluations) {
		t.Errorf("evaluations are %v, want %v", s.evaluations, evaluations)
	}
}

type analytics struct {
	*reporting.Analytics
	log journal
	end func()
}

func startAnalytics(t *testing.T, r ports.AnalyticsReporter) analytics {
	t.Helper()
	a := analytics{log: newJournal()}
	a.Analytics = reporting.NewAnalytics(reporting.AnalyticsOptions{
		Reporter: r, Pace: reporting.Pace{
			Interval: func() time.Duration { return interval },
			Now:      time.Now, Random: func() float64 { return 0.5 }, Logger: slog.New(a.log),
		},
	})
	stop, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { a.Run(ctx, stop); close(ended) }()
	a.end = sync.OnceFunc(func() { close(stop); <-ended; cancel() })
	t.Cleanup(a.end)
	return a
}

func features(names ...string) []domain.FeatureCount {
	var list []domain.FeatureCount
	for _, n := range names {
		list = append(list, domain.FeatureCount{Feature: n, Count: 1})
	}
	return list
}

func TestAnalyticsAreAddedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		a := startAnalytics(t, s)
		pass(time.Second)
		a.AddCounts("a", features("f", "g"))
		a.AddCounts("a", features("f"))
		a.AddCounts("b", features("f"))
		a.AddCounts("b", nil)
		a.AddEvaluations("a", []domain.FeatureEvaluation{
			{Feature: "f", Identity: "me", Enabled: true, Count: 2}, {Feature: "f", Identity: "me", Enabled: false, Count: 1},
			{Feature: "f", Enabled: true, Count: 1}, {Feature: "f", Identity: "me", Enabled: true, Count: 1},
		})
		pass(interval)
		s.has(t, map[string]int64{"a f": 2, "a g": 1, "b f": 1})
		s.hasEvaluations(t, map[string]int64{`a f "me" true`: 3, `a f "me" false`: 1, `a f "" true`: 1})
		if s.reports != 3 {
			t.Errorf("%d reports", s.reports)
		}
		pass(5 * interval)
		if s.reports != 3 {
			t.Errorf("%d reports of nothing", s.reports-3)
		}
		a.AddCounts("a", features("f"))
		a.end()
		s.has(t, map[string]int64{"a f": 3, "a g": 1, "b f": 1})
	})
}

func TestAnalyticsThatFailAreSentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errAway })
		a := startAnalytics(t, s)
		for range 60 {
			a.AddCounts("a", features("f"))
			a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "f", Identity: "me", Count: 1}})
			pass(interval)
		}
		if s.reports > 4*60+20 {
			t.Errorf("%d reports in 60 intervals", s.reports)
		}
		s.script(nil)
		pass(interval)
		s.has(t, map[string]int64{"a f": 60})
		s.hasEvaluations(t, map[string]int64{`a f "me" false`: 60})
	})
}

// TestOneEnvironmentThatFails sees that the others are reported as always.
func TestOneEnvironmentThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(key domain.EnvironmentKey) error {
			if key == "bad" {
				return errBusy
			}
			return nil
		})
		a := startAnalytics(t, s)
		for range 10 {
			a.AddCounts("bad", features("f"))
			a.AddCounts("good", features("f"))
			pass(interval)
		}
		s.has(t, map[string]int64{"good f": 10})
		s.script(nil)
		pass(interval)
		s.has(t, map[string]int64{"good f": 10, "bad f": 10})
	})
}

// TestUpstreamThatIsAwayIsAskedLittle sees that not every report has to find out
// for itself.
func TestUpstreamThatIsAwayIsAskedLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errAway })
		a := startAnalytics(t, s)
		pass(time.Second)
		for i := range 1000 {
			a.AddCounts(domain.EnvironmentKey(fmt.Sprint("e", i)), features("f"))
		}
		pass(interval / 2) // one round, and no time for another
		if s.reports == 0 || s.reports > 20 {
			t.Errorf("%d reports", s.reports)
		}
		s.script(nil)
		a.end()
		if len(s.counts) != 1000 {
			t.Errorf("%d environments are reported", len(s.counts))
		}
	})
}

func TestRefusedAnalyticsAreDroppedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errDenied })
		a := startAnalytics(t, s)
		pass(time.Second)
		a.AddCounts("a", features("f", "g"))
		a.AddCounts("b", features("f"))
		pass(interval)
		s.script(nil)
		pass(2 * interval)
		s.has(t, map[string]int64{})
		dropped := a.log.named("analytics_dropped")
		if len(dropped) != 1 || !strings.Contains(dropped[0].with, "refused=3") || !strings.Contains(dropped[0].with, "status=403") {
			t.Errorf("logged %v", dropped)
		}
	})
}

// TestAnalyticsAreBounded sends ever new identities while upstream is away.
func TestAnalyticsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errAway })
		a := startAnalytics(t, s)
		const sent, each = 40, 1 << 20
		long := strings.Repeat("x", each)
		for i := range sent {
			a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "f", Identity: strconv.Itoa(i) + long, Count: 1}})
			a.AddCounts("a", features("f"))
			pass(10 * time.Second)
		}
		s.script(nil)
		pass(interval)
		s.has(t, map[string]int64{"a f": sent}) // identities leave counts their room
		told := 0
		for _, l := range a.log.named("analytics_dropped") {
			var full, refused int
			if _, err := fmt.Sscanf(l.with, "kind=analytics of identities no_room_for=%d refused=%d", &full, &refused); err != nil {
				t.Fatalf("%q: %v", l.with, err)
			}
			told += full
		}
		kept := len(s.evaluations)
		if kept > 32 || kept < 30 || kept+told != sent {
			t.Errorf("%d megabytes were kept, %d told to be dropped", kept, told)
		}
		// There is room again.
		a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "f", Identity: "late", Count: 1}})
		pass(interval)
		if len(s.evaluations) != kept+1 {
			t.Errorf("%d are kept", len(s.evaluations))
		}
	})
}

func TestLargeAnalyticsAreSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		a := startAnalytics(t, s)
		pass(time.Second)
		for i := range 10_000 {
			a.AddCounts("a", features(fmt.Sprint("feature-", i)))
		}
		for range 3 {
			a.AddCounts("a", []domain.FeatureCount{{Feature: "often", Count: math.MaxInt32}})
		}
		a.end()
		if len(s.counts) != 10_001 || s.largest != 1000 || s.reports < 11 {
			t.Errorf("%d features in %d reports, the largest with %d", len(s.counts), s.reports, s.largest)
		}
		if s.highest != math.MaxInt32 || s.counts["a often"] != 3*math.MaxInt32 {
			t.Errorf("often came as %d, %d at a time", s.counts["a often"], s.highest)
		}
	})
}

func TestUpstreamWithoutEvaluationsGetsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		a := startAnalytics(t, countsOnly{s})
		pass(time.Second)
		for range 3 {
			a.AddEvaluations("a", []domain.FeatureEvaluation{
				{Feature: "f", Identity: "me", Enabled: true, Count: 2}, {Feature: "f", Identity: "you", Count: 3},
			})
			pass(2 * interval)
		}
		s.has(t, map[string]int64{"a f": 15})
		if n := len(a.log.named("analytics_without_identities")); n != 1 {
			t.Errorf("told %d times", n)
		}
		// The last ones become counts when the last counts are sent.
		a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "f", Count: 1}})
		a.AddCounts("a", features("g"))
		a.end()
		s.has(t, map[string]int64{"a f": 16, "a g": 1})
	})
}

type countsOnly struct{ *sink }

func (countsOnly) ReportEvaluations(context.Context, domain.EnvironmentKey, []domain.FeatureEvaluation) error {
	<-time.After(time.Second)
	return &ports.ReportError{Status: 404, Refused: true, Err: fmt.Errorf("not there: %w", errors.ErrUnsupported)}
}

func TestAnalyticsThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := startAnalytics(t, nil)
		for range 10 {
			a.AddCounts("a", features("f"))
			a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "f", Count: 1}})
		}
		pass(5 * interval)
		a.end()
		a.AddCounts("a", features("f"))
		told := a.log.named("analytics_not_forwarded")
		if len(told) != 1 || told[0].level != slog.LevelDebug || len(*a.log.lines) != 1 {
			t.Errorf("logged %v", *a.log.lines)
		}
		if p := a.Progress(); p.Pending != 0 {
			t.Errorf("%d wait for nobody", p.Pending)
		}
	})
}

func TestWhatIsNotDeliveredAtTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errAway })
		a := startAnalytics(t, s)
		pass(time.Second)
		a.AddCounts("a", features("f", "g"))
		a.end()
		if told := a.log.named("analytics_dropped"); len(told) != 1 || !strings.Contains(told[0].with, "not_delivered=2") {
			t.Errorf("logged %v", told)
		}
	})
}

func TestAnalyticsFromManyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		n := 0
		s.script(func(domain.EnvironmentKey) error {
			if n++; n%3 == 0 {
				return errBusy
			}
			return nil
		})
		a := startAnalytics(t, s)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for i := range 500 {
					a.AddCounts(domain.EnvironmentKey(fmt.Sprint("e", i%3)), features("f"))
					if i%10 == 0 {
						<-time.After(11 * time.Second)
					}
				}
			})
		}
		all.Wait()
		s.script(nil)
		a.end()
		s.has(t, map[string]int64{"e0 f": 8 * 167, "e1 f": 8 * 167, "e2 f": 8 * 166})
	})
}

// What upstream has accepted is known, and what waits.
func TestProgressOfAnalytics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.script(func(domain.EnvironmentKey) error { return errAway })
		a := startAnalytics(t, s)
		pass(time.Second)
		a.AddCounts("a", []domain.FeatureCount{{Feature: "x", Count: 2}})
		a.AddEvaluations("a", []domain.FeatureEvaluation{{Feature: "x", Identity: "me", Enabled: true, Count: 3}})
		pass(2 * interval)
		if p := a.Progress(); p.Sent != 0 || p.Pending != 5 || !p.LastSuccess.IsZero() {
			t.Errorf("while upstream is away: %+v", p)
		}
		s.script(nil)
		pass(2 * interval)
		if p := a.Progress(); p.Sent != 5 || p.Pending != 0 || p.LastSuccess.IsZero() {
			t.Errorf("afterwards: %+v", p)
		}
	})
}
