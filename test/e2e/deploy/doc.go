// Package deploy tests what docs/deploy has for operators against the proxy: that
// manifests ask for paths that it has, name settings that it knows, mount the
// files that they name, and give it the time it needs to stop.
//
// What takes further tools is in tests with the build tag deploy: nginx, a Docker
// engine with Compose, and systemd-analyze. "make test-deploy" runs them, and the
// module chart, which renders the Helm chart; the manifests looked at here are
// its golden files.
package deploy
