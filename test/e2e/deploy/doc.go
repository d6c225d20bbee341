// Package deploy tests the files of docs/deploy against the proxy: manifests probe
// paths that exist, name settings that exist, mount the files that they name, and
// give the proxy enough time to stop.
//
// Tests that need nginx, Prometheus, a Docker engine with Compose, or systemd-analyze have the
// build tag deploy. "make test-deploy" runs them and the module chart, which renders
// the Helm chart. The manifests tested here are its golden files.
package deploy
