// Package alerts tests what is shipped for Prometheus and Grafana: the alert rules, their
// runbooks and the dashboard. Every name in a query is one of the catalogue of metrics, and
// each alert has a runbook.
//
// Tests that need promtool have the build tag deploy and are run by "make test-deploy".
package alerts
