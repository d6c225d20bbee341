package fakeflagsmith

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// FailureKind is a way to fail.
type FailureKind string

const (
	// FailStatus answers Status with a small JSON body, and Retry-After when RetryAfter is set.
	FailStatus FailureKind = "status"
	// FailDelay answers properly, but only after Delay.
	FailDelay FailureKind = "delay"
	// FailHang sends nothing until the client gives up.
	FailHang FailureKind = "hang"
	// FailDrip sends the right answer in pieces of Chunk bytes (1), one every Interval (100 ms).
	FailDrip FailureKind = "drip"
	// FailTruncatedBody promises the whole answer, sends half of it and closes the connection.
	FailTruncatedBody FailureKind = "truncated_body"
	// FailTruncatedGzip sends a whole HTTP answer that holds half a gzip stream.
	FailTruncatedGzip FailureKind = "truncated_gzip"
	// FailBody answers 200 with Body as ContentType (application/json).
	FailBody FailureKind = "body"
	// FailRedirect answers Status (302): to Location when set, else through
	// Hops (1) redirects back to this server, which then answers properly.
	// Negative Hops never end.
	FailRedirect FailureKind = "redirect"
	// FailNotModified answers 304, whether or not the request was conditional.
	FailNotModified FailureKind = "not_modified"
	// FailLink answers properly, but names Location as the next page.
	FailLink FailureKind = "link"
	// FailReset resets the connection without an answer.
	FailReset FailureKind = "reset"
)

// Failure is one step of a failure script.
type Failure struct {
	Kind FailureKind
	// Times is how many requests fail so before the script goes on; 0 is until
	// the script is replaced.
	Times int
	// Page restricts the step to requests for that page of a document, the
	// first being 1; requests for other pages are served. 0 is every page.
	Page int
	// TakesEffect lets the request be carried out (usage is counted, say) and
	// only then be answered so: an acknowledgement that got lost.
	TakesEffect bool

	Delay       time.Duration // before anything is sent
	Status      int
	RetryAfter  string
	Body        string
	ContentType string
	Location    string
	Hops        int
	Interval    time.Duration
	Chunk       int
}

// wireFailure is Failure in the control API; durations are texts like "150ms".
type wireFailure struct {
	Kind        FailureKind `json:"kind"`
	Times       int         `json:"times,omitempty"`
	Page        int         `json:"page,omitempty"`
	TakesEffect bool        `json:"takes_effect,omitempty"`
	Delay       string      `json:"delay,omitempty"`
	Status      int         `json:"status,omitempty"`
	RetryAfter  string      `json:"retry_after,omitempty"`
	Body        string      `json:"body,omitempty"`
	ContentType string      `json:"content_type,omitempty"`
	Location    string      `json:"location,omitempty"`
	Hops        int         `json:"hops,omitempty"`
	Interval    string      `json:"interval,omitempty"`
	Chunk       int         `json:"chunk,omitempty"`
}

// MarshalJSON writes the form of the control API.
func (f Failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireFailure{
		Kind: f.Kind, Times: f.Times, Page: f.Page, TakesEffect: f.TakesEffect, Delay: durationText(f.Delay),
		Status: f.Status, RetryAfter: f.RetryAfter, Body: f.Body, ContentType: f.ContentType,
		Location: f.Location, Hops: f.Hops, Interval: durationText(f.Interval), Chunk: f.Chunk,
	})
}

// UnmarshalJSON reads the form of the control API.
func (f *Failure) UnmarshalJSON(text []byte) error {
	var wire wireFailure
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	delay, err := parseDuration(wire.Delay)
	if err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	interval, err := parseDuration(wire.Interval)
	if err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	*f = Failure{
		Kind: wire.Kind, Times: wire.Times, Page: wire.Page, TakesEffect: wire.TakesEffect, Delay: delay,
		Status: wire.Status, RetryAfter: wire.RetryAfter, Body: wire.Body, ContentType: wire.ContentType,
		Location: wire.Location, Hops: wire.Hops, Interval: interval, Chunk: wire.Chunk,
	}
	return nil
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// check says what is wrong with a step, or nil.
func (f Failure) check() error {
	switch f.Kind {
	case FailStatus:
		if f.Status < 200 || f.Status > 599 {
			return fmt.Errorf("fakeflagsmith: failure %q needs a status of 200 to 599, not %d", f.Kind, f.Status)
		}
	case FailRedirect:
		if f.Status != 0 && (f.Status < 300 || f.Status > 399) {
			return fmt.Errorf("fakeflagsmith: failure %q needs a status of 300 to 399, not %d", f.Kind, f.Status)
		}
	case FailLink:
		if f.Location == "" {
			return fmt.Errorf("fakeflagsmith: failure %q needs a location", f.Kind)
		}
	case FailDelay, FailHang, FailDrip, FailTruncatedBody, FailTruncatedGzip, FailBody, FailNotModified, FailReset:
	default:
		return fmt.Errorf("fakeflagsmith: unknown kind of failure %q", f.Kind)
	}
	if f.Times < 0 || f.Page < 0 || f.Delay < 0 || f.Interval < 0 || f.Chunk < 0 {
		return fmt.Errorf("fakeflagsmith: failure %q has a negative setting", f.Kind)
	}
	return nil
}

// Fail replaces the failure script of a target: requests fail step by step,
// each step for its number of times, and are served when the script is over.
// Without steps the target is well again.
func (s *Server) Fail(target Target, steps ...Failure) error {
	for _, step := range steps {
		if err := step.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[target] = slices.Clone(steps)
	return nil
}

// nextFailure takes a request's step from the script of the first target that
// has one. The caller holds s.mu.
func (s *Server) nextFailure(page int, targets ...Target) (Failure, bool) {
	for _, target := range targets {
		script := s.scripts[target]
		if target == "" || len(script) == 0 {
			continue
		}
		step := &script[0]
		if step.Page != 0 && step.Page != page {
			return Failure{}, false
		}
		taken := *step
		switch step.Times {
		case 0: // until replaced
		case 1:
			s.scripts[target] = script[1:]
		default:
			step.Times--
		}
		return taken, true
	}
	return Failure{}, false
}
