// Package alerts tests what is shipped for Prometheus and Grafana: the alert rules, their
// runbooks and the dashboard. Every name in a query is one of the catalogue of metrics, and
// each alert has a runbook.
//
// The fault run starts the built binary and a Prometheus with the rules, in which time
// passes a hundred times faster, lets something fail, and waits until the alert fires; then
// it repairs the fault, and waits until the alert clears.
//
// Tests that need Prometheus, promtool or Redis on this machine have the build tag deploy and
// are run by "make test-deploy".
package alerts
