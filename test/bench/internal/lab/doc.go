// Package lab has what the benchmarks of real processes share: it builds and
// starts programs on chosen cores, reads their usage from /proc, serves as
// upstream, and generates load. All traffic stays on the loopback interface.
//
// It needs Linux, and wrk for load.
package lab
