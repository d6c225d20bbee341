// Package lab is what the benchmarks of real processes share: it builds and
// starts programs on chosen cores, reads what they used from /proc, plays
// upstream, and drives load. Nothing leaves the loopback interface.
//
// It needs Linux, and for load from outside wrk.
package lab
