//go:build schemas

package chart

// The schemas of Kubernetes are files of this module, and that is what it is
// required for; the tag is never set.
import _ "sigs.k8s.io/kubectl-validate/pkg/openapiclient"
