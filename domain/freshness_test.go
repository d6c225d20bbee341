package domain_test

import (
	"math"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	half, none, century := 30*time.Second, time.Duration(0), 100*365*24*time.Hour
	for name, c := range map[string]struct {
		grace     *time.Duration
		confirmed []time.Time
		state     domain.State
		last      time.Time
	}{
		"no environments":               {&half, nil, domain.Missing, time.Time{}},
		"one never had a document":      {&half, []time.Time{now, {}}, domain.Missing, time.Time{}},
		"never, without a grace period": {nil, []time.Time{{}}, domain.Missing, time.Time{}},
		"just within":                   {&half, []time.Time{ago(40 * time.Second)}, domain.Fresh, ago(40 * time.Second)},
		"just over":                     {&half, []time.Time{ago(40*time.Second + 1)}, domain.Stale, ago(40*time.Second + 1)},
		"two get twice the grace":       {&half, []time.Time{ago(70 * time.Second), now}, domain.Fresh, ago(70 * time.Second)},
		"the oldest counts":             {&half, []time.Time{now, ago(71 * time.Second)}, domain.Stale, ago(71 * time.Second)},
		"no grace":                      {&none, []time.Time{ago(11 * time.Second)}, domain.Stale, ago(11 * time.Second)},
		"null never goes stale":         {nil, []time.Time{ago(1e6 * time.Second)}, domain.Fresh, ago(1e6 * time.Second)},
		"a clock that went back":        {&half, []time.Time{now.Add(time.Hour)}, domain.Fresh, now.Add(time.Hour)},
		"too long to be counted":        {&century, []time.Time{ago(time.Hour), now, now, now}, domain.Fresh, ago(time.Hour)},
	} {
		f := domain.Freshness{PollInterval: 10 * time.Second, Grace: c.grace}
		if got := f.Assess(now, c.confirmed); got.State != c.state || !got.LastUpdate.Equal(c.last) {
			t.Errorf("%s: %+v, want %v since %v", name, got, c.state, c.last)
		}
	}
}

func TestTotalGrace(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		poll, grace  time.Duration
		environments int
		total        time.Duration
		finite       bool
	}{
		{10 * time.Second, time.Minute, 0, 10 * time.Second, true},
		{10 * time.Second, time.Minute, 2, 130 * time.Second, true},
		{10 * time.Second, 0, 2, 10 * time.Second, true},
		{7, (longest - 7) / 2, 2, longest, true},
		{7, (longest-7)/2 + 1, 2, 0, false},
		{10 * time.Second, longest - time.Second, 1, 0, false},
		{0, longest / 2, 1000, 0, false},
	} {
		total, finite := domain.Freshness{PollInterval: c.poll, Grace: &c.grace}.TotalGrace(c.environments)
		if total != c.total || finite != c.finite {
			t.Errorf("%d environments, %v + %v: %v, %v, want %v, %v", c.environments, c.poll, c.grace, total, finite, c.total, c.finite)
		}
	}
}

func TestSuccessionFromUpstream(t *testing.T) {
	old, held, newer := time.Unix(100, 0), time.Unix(200, 0), time.Unix(300, 0)
	type step struct {
		offered       time.Time
		same          bool
		unconditional bool
		want          domain.Verdict
	}
	for name, steps := range map[string][]step{
		"the same":                      {{held, true, false, domain.Confirm}},
		"newer":                         {{newer, false, false, domain.Replace}},
		"same time, other bytes":        {{held, false, true, domain.Replace}},
		"no time":                       {{time.Time{}, false, false, domain.Replace}},
		"older once":                    {{old, false, true, domain.Refuse}},
		"older three times":             {{old, false, true, domain.Refuse}, {old, false, true, domain.Refuse}, {old, false, true, domain.WentBack}},
		"conditional ones do not count": {{old, false, false, domain.Refuse}, {old, false, false, domain.Refuse}, {old, false, false, domain.Refuse}},
		"not in a row": {
			{old, false, true, domain.Refuse}, {old, false, true, domain.Refuse}, {held, true, true, domain.Confirm}, {old, false, true, domain.Refuse},
		},
	} {
		var s domain.Succession
		for i, step := range steps {
			if got := s.FromUpstream(held, step.offered, step.same, step.unconditional); got != step.want {
				t.Errorf("%s: step %d: %v, want %v", name, i, got, step.want)
			}
		}
	}
}

func TestSuccessionFromStore(t *testing.T) {
	at := func(updated, checked int64) domain.Dated {
		return domain.Dated{UpdatedAt: time.Unix(updated, 0), CheckedAt: time.Unix(checked, 0)}
	}
	var s domain.Succession
	for name, c := range map[string]struct {
		offered domain.Dated
		same    bool
		stored  bool
		want    domain.Verdict
	}{
		"the same":                               {at(100, 10), true, true, domain.Confirm},
		"newer":                                  {at(101, 9), false, true, domain.Replace},
		"newer than what was never stored":       {at(101, 9), false, false, domain.Replace},
		"older and confirmed before":             {at(99, 10), false, true, domain.Refuse},
		"older and confirmed since":              {at(99, 11), false, true, domain.WentBack},
		"older, confirmed since, never replaced": {at(99, 11), false, false, domain.Refuse},
	} {
		if got := s.FromStore(at(100, 10), c.offered, c.same, c.stored); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := s.FromStore(domain.Dated{}, at(1, 1), false, false); got != domain.Replace {
		t.Errorf("nothing held: %v", got)
	}
}
