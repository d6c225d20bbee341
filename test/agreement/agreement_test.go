package agreement_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// report is what a node says of itself, by one of its forms.
type report struct {
	State      string // ready, missing, stale or draining
	LastUpdate string // as readiness has it; "" where a form does not say
}

var heading = regexp.MustCompile(`^<h1 class="[a-z]*">(.*)$`)

// TestAllFormsAgree lets random faults happen and compares, after each step, what the
// node reports in every form, and its first sentence with what applications are answered.
func TestAllFormsAgree(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 7)), seen) })
		})
	}
	for _, state := range app.ReadinessStates() {
		if seen[string(state)] == 0 {
			t.Errorf("the histories never led to %s: %v", state, seen)
		}
	}
}

func history(t *testing.T, random *rand.Rand, seen map[string]int) {
	w := &world{refused: map[domain.EnvironmentKey]error{}, stopped: map[domain.EnvironmentKey]bool{}, storeUp: true}
	if random.IntN(3) == 0 {
		w.away = unreachable
	}
	all := environments(1 + random.IntN(5))
	n, stop := start(t, w, all, random)
	synctest.Wait()
	for step := range 60 {
		what := happen(random, w, n, &all)
		<-time.After(time.Duration(random.Int64N(int64(25 * time.Second))))
		synctest.Wait()
		compare(t, fmt.Sprintf("step %d, after %s", step, what), n, seen)
		if t.Failed() {
			return
		}
	}
	stop()
	<-time.After(time.Second)
	synctest.Wait()
	compare(t, "while it shuts down", n, seen)
}

var (
	unreachable = &ports.FetchError{Reached: ports.OutcomeRefused, Err: errors.New("connection refused")}
	failing     = &ports.FetchError{Status: 503}
	forbidden   = &ports.FetchError{Status: 403}
)

func environments(n int) []domain.EnvironmentKeys {
	var list []domain.EnvironmentKeys
	for i := range n {
		key := fmt.Sprintf("key-%d", i)
		list = append(list, domain.EnvironmentKeys{Client: domain.EnvironmentKey(key), Server: []domain.Credential{domain.NewCredential(domain.NewServerKey("ser."+key), time.Time{})}})
	}
	return list
}

// happen lets something happen and says what.
func happen(random *rand.Rand, w *world, n *node, all *[]domain.EnvironmentKeys) string {
	one := (*all)[random.IntN(len(*all))].Client
	what := ""
	w.do(func() {
		switch random.IntN(16) {
		case 0:
			w.away, what = unreachable, "upstream is unreachable"
		case 1:
			w.away, what = failing, "upstream fails"
		case 2, 3, 4:
			w.away, what = nil, "upstream is back"
		case 5:
			w.refused[one], what = forbidden, "the key of "+string(one)+" is refused"
		case 6, 7:
			delete(w.refused, one)
			what = string(one) + " is answered again"
		case 8:
			w.stopped[one], what = !w.stopped[one], "the organisation of "+string(one)+" is disabled or enabled"
		case 9:
			w.storeUp, what = !w.storeUp, "the store is away or back"
		case 10:
			*all = environments(1 + random.IntN(6))
			what = fmt.Sprintf("%d environments are configured", len(*all))
		case 11:
			clear(w.refused)
			what = "every key is accepted"
		default:
			what = "nothing"
		}
	})
	if strings.HasSuffix(what, "configured") {
		n.Apply(config(*all, 30*time.Second))
	}
	return what
}

// compare compares all forms. No time passes while it does.
func compare(t *testing.T, when string, n *node, seen map[string]int) {
	t.Helper()
	status := statusOf(t, n)
	want := report{status.State, status.LastUpdate}
	seen[status.State]++
	if got := readinessOf(t, n); got != want {
		t.Errorf("%s: readiness says %+v, status.json %+v", when, got, want)
	}
	if status.Ready != (status.State == "ready") || status.Ready != (len(status.Reasons) == 0) || status.Draining != (status.State == "draining") {
		t.Errorf("%s: status.json does not agree with itself: %+v", when, status)
	}
	compareReasons(t, when, status)
	probe, body := get(n.admin, "/readyz")
	if (probe == 200) != status.Ready || body != map[bool]string{true: "ok\n", false: "not ready: " + status.State + "\n"}[status.Ready] {
		t.Errorf("%s: /readyz says %d %q, status.json %s", when, probe, body, status.State)
	}
	scraped := scrape(t, n)
	compareMetrics(t, when, scraped, status)
	compareTraffic(t, when, n, scraped, status)
	compareFleet(t, when, status)
	compareSentence(t, when, n, status)
	for _, e := range status.Environments {
		if probe, body := get(n.admin, "/readyz/"+e.Key); (probe == 200) != (e.State == "fresh") || !strings.HasPrefix(body, e.State+", ") {
			t.Errorf("%s: /readyz/%s says %d %s, status.json %s", when, e.Key, probe, body, e.State)
		}
	}
}

// compareReasons compares the reasons why a node is not ready with the states of the
// environments.
func compareReasons(t *testing.T, when string, s status) {
	t.Helper()
	states := map[string]string{}
	for _, e := range s.Environments {
		states[e.Key] = e.State
	}
	for _, r := range s.Reasons {
		if r.Code == "draining" && r.Environment == "" || r.Code != "" && states[r.Environment] == r.Code {
			continue
		}
		t.Errorf("%s: the reason %+v does not fit the environments %v", when, r, states)
	}
}

// compareSentence compares the first sentence of the page with the status and with what
// applications are answered.
func compareSentence(t *testing.T, when string, n *node, s status) {
	t.Helper()
	_, page := get(n.admin, "/")
	first, _, _ := strings.Cut(page, "</h1>")
	found := heading.FindStringSubmatch(first[max(0, strings.LastIndex(first, "<h1 ")):])
	if found == nil {
		t.Fatalf("%s: there is no heading in %s", when, page)
	}
	sentence := html.UnescapeString(found[1])
	answers := map[int]int{}
	for _, e := range s.Environments {
		answers[n.ask("/api/v1/flags/", "X-Environment-Key", e.Key)]++
	}
	for text, want := range map[string]bool{
		"ot ready": !s.Ready,
		fmt.Sprintf("Serving %d of %d environment", answers[200]+answers[403], len(s.Environments)): true,
		"answered with 503":  answers[503] > 0,
		"answered with 403":  answers[403] > 0,
		"Nothing is failing": s.Ready && answers[200] == len(s.Environments),
		"draining":           s.State == "draining",
		"store has been":     s.Store.State == "down",
		"Flagsmith has been": s.Upstream.State == "failing" && s.Upstream.Cause == "refused",
	} {
		if strings.Contains(sentence, text) != want {
			t.Errorf("%s: %q and %v, but answers are %v and the status %+v", when, sentence, text, answers, s)
		}
	}
	if sentence != s.Summary {
		t.Errorf("%s: the page says %q, status.json %q", when, sentence, s.Summary)
	}
}

// status is what is read of /status.json.
type status struct {
	Ready      bool   `json:"ready"`
	State      string `json:"state"`
	LastUpdate string `json:"last_update"`
	Draining   bool   `json:"draining"`
	Summary    string `json:"summary"`
	Reasons    []struct{ Code, Environment string }
	Store      struct{ State string }
	Upstream   struct{ State, Cause string }

	Environments []struct {
		Key, State string
		Listeners  int
		Requests   struct{ Flags, Identities, Document, OFREP int }
	}
	Fleet struct {
		Shared bool
		Nodes  []struct {
			Node  string
			Ready bool
		}
	}
	Traffic struct {
		LastMinute struct {
			Over         string
			Requests     int
			ClientErrors int `json:"client_errors"`
			ServerErrors int `json:"server_errors"`
		} `json:"last_minute"`
		Listeners int
	}
}

func statusOf(t *testing.T, n *node) status {
	t.Helper()
	code, body := get(n.admin, "/status.json")
	var s status
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != 200 {
		t.Fatalf("status.json: %d %v", code, err)
	}
	return s
}

// readinessOf returns what load balancers are answered, in the words of the status.
func readinessOf(t *testing.T, n *node) report {
	t.Helper()
	code, body := get(n.public, "/proxy/health/readiness")
	var answer struct {
		Reason *string    `json:"reason"`
		At     *time.Time `json:"last_successful_update"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("readiness: %v", err)
	}
	r := report{State: "ready"}
	if code != 200 {
		r.State = map[string]string{
			"shutting down.": "draining", "environment document(s) not updated.": "missing", "environment document(s) stale.": "stale",
		}[*answer.Reason]
	}
	if answer.At != nil {
		r.LastUpdate = answer.At.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.999Z07:00")
	}
	return r
}
