// Package inprocess benchmarks what a request costs within the process, through
// the whole HTTP handler and without a network: as curves over the size of what
// it is about, over one and two processors, and while a large document is
// compiled. Guards, which run with the tests, hold what must not get lost.
//
//	go test -run '^$' -bench . -cpu 1,2 ./test/bench/inprocess
package inprocess
