package domain

import "fmt"

// Resource is the kind of answer that a usage report counts.
type Resource uint8

// The resources, and how many there are.
const (
	ResourceFlags Resource = iota
	ResourceIdentities
	ResourceEnvironmentDocument
	NumResources = iota
)

// String returns the name that upstream knows the resource by (docs/spec/upstream.md#usage).
func (r Resource) String() string {
	switch r {
	case ResourceFlags:
		return "flags"
	case ResourceIdentities:
		return "identities"
	case ResourceEnvironmentDocument:
		return "environment-document"
	default:
		return fmt.Sprintf("Resource(%d)", uint8(r))
	}
}

// Service is the kind of a request that was served: a Resource, and how it was asked for.
type Service uint8

// The services, and how many there are. Those of OFREP are flags too: an environment's or
// an identity's.
const (
	ServedFlags Service = iota
	ServedIdentities
	ServedEnvironmentDocument
	ServedOFREPFlags
	ServedOFREPIdentities
	NumServices = iota
)

// Resource returns the resource that a usage report counts the service as.
func (s Service) Resource() Resource {
	switch s {
	case ServedIdentities, ServedOFREPIdentities:
		return ResourceIdentities
	case ServedEnvironmentDocument:
		return ResourceEnvironmentDocument
	default:
		return ResourceFlags
	}
}

// MaxUsageRows is the most rows that a UsageBatch may have (docs/spec/upstream.md#usage).
const MaxUsageRows = 1000

// UsageRow is how often a resource of an environment was served.
type UsageRow struct {
	Environment EnvironmentKey
	Resource    Resource
	Count       int64 // more than zero
}

// UsageBatch is one usage report. A batch that may have arrived is sent again
// unchanged, under the same key.
type UsageBatch struct {
	// Key is a UUID by which upstream recognises a batch that it has counted already.
	Key  string
	Rows []UsageRow // 1 to MaxUsageRows, no two of the same environment and resource
}

// FeatureCount is how often applications asked for a feature.
type FeatureCount struct {
	Feature string
	Count   int64 // more than zero
}

// FeatureEvaluation is how often a feature was enabled, or was not, for an identity.
type FeatureEvaluation struct {
	Feature  string
	Identity string // identifier, "" for none
	Enabled  bool
	Count    int64 // more than zero
}
