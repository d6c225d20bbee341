module github.com/edge-proxy/edge-proxy/test/e2e/alerts/grafana

go 1.26.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
