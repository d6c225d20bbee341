// Package chart tests the Helm chart and the Kubernetes manifest of docs/deploy:
// with Helm's own library, and against the schemas of Kubernetes. It is a module
// of its own, so that the proxy does not depend on what Helm depends on.
//
// testdata/golden has what the chart renders from testdata/values. A change of the
// chart changes these files too, so that reviewers see it:
//
//	go test -update .
//
// The package above checks that the golden files fit the proxy.
package chart
