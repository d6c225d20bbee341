package reporting

import "github.com/edge-proxy/edge-proxy/ports"

// What ways in need of the ports to hand over what is to be reported.
type (
	Resource     = ports.Resource
	FeatureCount = ports.FeatureCount
	Evaluation   = ports.Evaluation
)

// The resources.
const (
	Flags               = ports.Flags
	Identities          = ports.Identities
	EnvironmentDocument = ports.EnvironmentDocument
)
