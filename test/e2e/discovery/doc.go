// Package discovery tests environments that come by proxy key, with real processes:
// those that come, go and rotate keys while requests run, what counts after a restart
// while upstream is away, and what becomes of lists that cannot be used.
package discovery
