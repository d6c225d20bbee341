package adminapi

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// summary returns the status in two or three sentences that everybody understands: what
// is served, what is wrong and since when, and what this means for users. It says "not
// ready" if the node is not, and "nothing is failing" only if requests are answered with
// flags for every environment. upstream is what people call upstream.
func summary(s app.Status, upstream string) string {
	t := tallyOf(s)
	sentences := []string{servingOf(s, t)}
	trouble := strings.Join(troublesOf(s, t, upstream), ", and ")
	if age := t.age(s.At); age != "" && trouble != "" {
		trouble += "; " + age
	} else {
		trouble += age
	}
	if trouble != "" {
		sentences = append(sentences, capital(trouble))
	}
	sentences = append(sentences, capital(effectOf(s, t)))
	return strings.Join(sentences, ". ") + "."
}

// tally sorts the environments by what is the matter with them.
type tally struct {
	served, missing int
	stopped         int // of those that are served, by a disabled organisation
	// failing are the environments that upstream refuses or sends nothing usable of,
	// while it answers for others.
	failing []app.EnvironmentStatus
	oldest  time.Time // confirmation of what is served
}

func tallyOf(s app.Status) tally {
	var t tally
	for _, e := range s.Environments {
		if e.Failures > 0 && e.LastFailure != nil && s.Upstream.State != app.UpstreamFailing {
			t.failing = append(t.failing, e)
		}
		if !hasDocument(e) {
			t.missing++
			continue
		}
		t.served++
		if e.Stopped {
			t.stopped++
		}
		if !e.Confirmed.IsZero() && (t.oldest.IsZero() || e.Confirmed.Before(t.oldest)) {
			t.oldest = e.Confirmed
		}
	}
	return t
}

// hasDocument reports whether requests for an environment are answered from a document.
func hasDocument(e app.EnvironmentStatus) bool { return e.Bytes > 0 }

// age says how old the flags are; "" without flags.
func (t tally) age(now time.Time) string {
	switch {
	case t.oldest.IsZero():
		return ""
	case t.served == 1:
		return "flags are " + span(now.Sub(t.oldest)) + " old"
	default:
		return "the oldest flags are " + span(now.Sub(t.oldest)) + " old"
	}
}

// servingOf says for how many environments there are flags.
func servingOf(s app.Status, t tally) string {
	all := len(s.Environments)
	switch {
	case all > 0:
		return fmt.Sprintf("Serving %d of %s", t.served, plural(all, "environment", "environments"))
	case s.Discovery == nil:
		return "Serving nothing: no environment is configured"
	case s.Discovery.LastSuccess.IsZero():
		return "Serving nothing: the list of environments has not arrived"
	default:
		return "Serving nothing: the proxy key opens no environment"
	}
}

// troublesOf says what is wrong around the node: with upstream, with single environments
// and with the store.
func troublesOf(s app.Status, t tally, upstream string) []string {
	var troubles []string
	if f := s.Upstream.LastFailure; s.Upstream.State == app.UpstreamFailing && f != nil {
		troubles = append(troubles, fmt.Sprintf("%s has %s for %s", upstream, wordsOf(f.Outcome).outage, span(s.At.Sub(s.Upstream.Since))))
	} else if len(t.failing) > 0 {
		troubles = append(troubles, fmt.Sprintf("%s %s for %s", upstream, wordsOf(t.failing[0].LastFailure.Outcome).refusal, names(t.failing)))
	}
	if !s.Store.Up {
		trouble := "the store has been away"
		if !s.Store.Since.IsZero() {
			trouble += " for " + span(s.At.Sub(s.Store.Since))
		}
		troubles = append(troubles, trouble)
	}
	return troubles
}

// effectOf says what users notice.
func effectOf(s app.Status, t tally) string {
	var effects []string
	if t.missing > 0 {
		effects = append(effects, fmt.Sprintf("requests for %s are answered with 503 until the document has arrived", plural(t.missing, "environment", "environments")))
	}
	if t.stopped > 0 {
		effects = append(effects, fmt.Sprintf("requests for %s are answered with 403, because the organisation is disabled", plural(t.stopped, "environment", "environments")))
	}
	switch s.Readiness.State {
	case app.NodeDraining:
		effects = append(effects, "this node is draining and not ready: it answers, and asks clients to connect elsewhere")
	case app.DocumentStale:
		effects = append(effects, fmt.Sprintf("this node is not ready, because flags may be at most %s old; it answers all the same", span(s.Limit)))
	case app.DocumentMissing:
		effects = append(effects, "this node is not ready")
	}
	if len(effects) == 0 {
		return "nothing is failing"
	}
	return strings.Join(effects, ", and ")
}

// failureWords are what the failures of polls look like.
type failureWords struct {
	outage  string // of all requests, after "has"
	refusal string // of those for one environment, before "for" and its name
	remedy  string // what is usually to be done
}

// wordsOf returns the words for an outcome.
func wordsOf(o ports.Outcome) failureWords {
	w := failureWords{"been unreachable", "does not answer", "Check api_url and the network between this node and the API."}
	switch o {
	case ports.OutcomeUnauthorized, ports.OutcomeForbidden:
		return failureWords{"refused the keys", "refuses the key", "Check that the server-side key is still valid in Flagsmith, and that it belongs to this API."}
	case ports.OutcomeThrottled:
		w.outage, w.remedy = "limited requests", "Poll less often, or share documents between nodes by a store."
	case ports.OutcomeServerError:
		w.outage, w.remedy = "answered with errors", "Check the health of the API."
	case ports.OutcomeNotFound:
		w.outage, w.refusal = "sent unusable responses", "has no document"
	case ports.OutcomeInvalid:
		w.outage, w.refusal = "sent unusable responses", "sends unusable documents"
	}
	return w
}

// name returns what people call an environment.
func name(e app.EnvironmentStatus) string {
	if e.Facts.Name == "" {
		return string(e.Key)
	}
	return e.Facts.Name
}

// names returns the names of environments: at most three, and how many more.
func names(environments []app.EnvironmentStatus) string {
	const most = 3
	var list []string
	for _, e := range environments[:min(len(environments), most)] {
		list = append(list, name(e))
	}
	if more := len(environments) - most; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	if n := len(list); n > 1 {
		list[n-2] += " and " + list[n-1]
		list = list[:n-1]
	}
	return strings.Join(list, ", ")
}

// capital returns a text that begins with a capital letter.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
