// Package agreement tests that everything which reports on a node says the same: the
// readiness that load balancers see, the probes, the status and the page of the admin
// listener, the metrics, and what applications are answered. It runs a whole node in one
// process, in a bubble of testing/synctest, and compares them at every step of random
// histories of faults.
package agreement
