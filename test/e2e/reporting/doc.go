// Package reporting tests on the built program what the proxy sends to upstream: usage
// reports, analytics and events of experiments.
package reporting
