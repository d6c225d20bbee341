// Package outage decides which failures are worth a line in the log, so that something
// that is away for a day is a few lines and not one for each attempt.
//
// An outage is logged when it begins, when a failure of another kind appears in it,
// after 1, 5, 15 and 60 minutes, then once an hour, and when it is over. [Outage] is for
// one thing that fails. [Tracker] is for many that depend on the same origin, and has
// one outage for all of them where they fail alike.
package outage
