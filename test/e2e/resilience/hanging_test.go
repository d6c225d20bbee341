package resilience_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Of 200 environments one hangs until the time-out, at each poll. That the others
// are never late is a test of the application, with exact time; this one shows
// over real connections that they are polled meanwhile as at any other time,
// which holds on a busy machine, too.
func TestAHangingEnvironmentDelaysNoOther(t *testing.T) {
	const (
		interval = time.Second
		timeout  = interval / 2
		rounds   = 5
	)
	t.Parallel()
	w := newWorld(t)
	w.startUpstream(t)
	var environments []domain.EnvironmentKeys
	for i := range 200 {
		client, server := fmt.Sprintf("client-%d", i), fmt.Sprintf("ser.resilience-secret-%04d", i)
		if err := w.fake.PutEnvironment(fakeflagsmith.Environment{ClientKey: client, ServerKeys: []string{server}, Document: document(w.base, "first", 0)}); err != nil {
			t.Fatal(err)
		}
		environments = append(environments, domain.EnvironmentKeys{
			Client: domain.EnvironmentKey(client), Server: []domain.Credential{domain.NewCredential(domain.NewServerKey(server), time.Time{})},
		})
	}
	hanging := fakeflagsmith.DocumentOf("client-13")
	if err := w.fake.Fail(hanging, fakeflagsmith.Failure{Kind: fakeflagsmith.FailHang}); err != nil {
		t.Fatal(err)
	}
	w.runApp(t, interval, grace, timeout, environments...)
	// Counting goes through all requests, so it is not done too often.
	count := time.NewTicker(interval / 4)
	defer count.Stop()
	wait.Until(t, patience, "some rounds of polls", func() bool {
		<-count.C
		return len(w.fake.Requests(hanging)) > rounds
	})

	hangs := w.fake.Requests(hanging)
	began, ended := hangs[0].Time, hangs[len(hangs)-1].Time
	meanwhile, all, counts := 0, 0, []int{}
	for _, e := range environments {
		requests := w.fake.Requests(fakeflagsmith.DocumentOf(string(e.Client)))
		if fakeflagsmith.DocumentOf(string(e.Client)) == hanging {
			continue
		}
		counts = append(counts, len(requests))
		for _, r := range requests {
			if r.Time.Before(began) || !r.Time.Before(ended) {
				continue
			}
			all++
			last, _ := slices.BinarySearchFunc(hangs, r.Time, func(h fakeflagsmith.Request, at time.Time) int { return h.Time.Compare(at) })
			if last > 0 && r.Time.Sub(hangs[last-1].Time) < timeout {
				meanwhile++
			}
		}
	}
	share := float64(len(hangs)-1) * float64(timeout) / float64(ended.Sub(began)) // of the time that something hangs
	if got := float64(meanwhile) / float64(all); got < share/2 {
		t.Errorf("%.0f %% of the polls came while one hung, which is %.0f %% of the time", 100*got, 100*share)
	}
	slices.Sort(counts)
	if least, median := counts[0], counts[len(counts)/2]; least < median-1-median/4 {
		t.Errorf("one environment was polled %d times, most %d times", least, median)
	}
	for _, e := range environments[:13] {
		if w.Snapshot().Environment(e.Client) == nil {
			t.Errorf("%s has no document", e.Client)
		}
	}
}
