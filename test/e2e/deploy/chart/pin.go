//go:build schemas

package chart

// The module is required for its files, the schemas of Kubernetes. The build tag is
// never set.
import _ "sigs.k8s.io/kubectl-validate/pkg/openapiclient"
