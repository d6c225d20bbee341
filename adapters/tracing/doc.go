// Package tracing sends traces of requests and polls to a collector by OTLP, with the
// SDK of OpenTelemetry.
//
// Handlers of the proxy wait for nothing while they answer, so no context has to travel
// through them. The span of a request is made after the answer, in a burst with others and
// with the times that were measured anyway. A request that is not traced costs one look at
// its header.
//
// The traces of polls are begun as usual, because upstream is sent their context.
//
// The package also pushes metrics, because that takes the same libraries, variables and
// collector.
package tracing
