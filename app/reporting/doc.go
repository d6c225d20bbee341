// Package reporting tells upstream how the proxy is used: how often what was
// served (Usage), and which features applications asked for (Analytics).
//
// Both collect on the one side, within bounds, and deliver on the other. What they
// share is the courier: it sends what has been collected every interval, again
// after a pause when upstream does not take it, and once more at the end. What
// they do not share is what becomes of a report that may or may not have arrived.
// Usage is paid for, so a batch is sent again unchanged under its own key, which
// upstream counts once, and it is spooled in the store. Analytics have no such
// key: their counts are added to those that have come since.
//
// Counting usage is on the way of every request: one atomic load, one look into a
// map that does not change, one atomic addition.
package reporting
