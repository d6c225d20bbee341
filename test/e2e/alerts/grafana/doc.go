// Package grafana tests that the dashboard is one by Grafana's own model of dashboards. It
// is a module of its own, so that the proxy does not depend on Grafana's packages.
package grafana
