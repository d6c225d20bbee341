package outage

import "time"

// reminders returns when an outage is logged again, after its beginning. Later it is
// logged once in each last of them.
func reminders() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
}

// Outage is a time in which something fails. The zero Outage has not begun. It is not
// safe for concurrent use.
type Outage struct {
	since    time.Time
	failures int
	kinds    map[string]bool
	reminded int
	next     time.Time // of the next reminder
}

// Summary is what a line says about an outage.
type Summary struct {
	Failures int
	Since    time.Time
	// Members is how many members of a Tracker fail in the outage, 0 for an Outage.
	Members int
}

// Attributes returns s as names and values of a log line.
func (s Summary) Attributes() []any {
	return []any{"failures", s.Failures, "since", s.Since.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)}
}

// After returns the names and values of the line about the end of an outage at now.
func (s Summary) After(now time.Time) []any {
	return append(s.Attributes(), "after", max(0, now.Sub(s.Since)).Round(time.Millisecond).String())
}

// Failed notes a failure, and begins an outage with the first one. It reports whether
// the failure is to be logged. kind is the same text for failures of the same kind.
func (o *Outage) Failed(now time.Time, kind string) (due bool) {
	if !o.Lasts() {
		*o = Outage{since: now, next: now, kinds: map[string]bool{}}
	}
	o.failures++
	if o.kinds[kind] && now.Before(o.next) {
		return false
	}
	o.kinds[kind] = true
	for !now.Before(o.next) {
		o.remindLater()
	}
	return true
}

// remindLater sets the time of the next reminder.
func (o *Outage) remindLater() {
	all := reminders()
	if o.reminded < len(all) {
		o.next = o.since.Add(all[o.reminded])
	} else {
		o.next = o.next.Add(all[len(all)-1])
	}
	o.reminded++
}

// Lasts reports whether the outage has begun and is not over.
func (o *Outage) Lasts() bool { return o.failures > 0 }

// Summary returns what happened so far.
func (o *Outage) Summary() Summary { return Summary{Failures: o.failures, Since: o.since} }

// End ends the outage. ended is false if there was none.
func (o *Outage) End() (was Summary, ended bool) {
	was, ended = o.Summary(), o.Lasts()
	*o = Outage{}
	return was, ended
}
