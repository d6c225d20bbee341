// Package chart tests the Helm chart and the Kubernetes manifest of docs/deploy:
// with Helm's own library, and against the schemas of Kubernetes. It is a module
// of its own, so that what Helm needs is no dependency of the proxy.
//
// What the chart makes of testdata/values is in testdata/golden. A change of the
// chart changes these files too, for everybody to see:
//
//	go test -update .
//
// That what is in there suits the proxy is for the package above to check.
package chart
