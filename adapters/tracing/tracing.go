package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of all spans.
const scope = "github.com/edge-proxy/edge-proxy"

// Options configure a Tracing. The exporter and the resource are configured by the
// standard variables OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES, which the SDK reads itself.
type Options struct {
	Environ []string // NAME=value
	Version string   // of this program
	Node    string   // names this process
	// ByParent takes the decision of a request's traceparent for the request.
	ByParent bool
	// Ratio is the share of requests without such a decision, and of scheduled polls,
	// that is traced; from 0 to 1. OTEL_TRACES_SAMPLER wins over it.
	Ratio float64
	// Slow is how long a request must take to be traced whatever was decided before it
	// was answered; failed ones are, too. 0: none are.
	Slow   time.Duration
	Logger *slog.Logger
}

// Enabled reports whether the environment, in the form NAME=value, asks for tracing:
// there is an endpoint, and the SDK is not disabled.
func Enabled(environ []string) bool {
	disabled := isDisabled(environ) || variable(environ, "OTEL_TRACES_EXPORTER") == "none"
	endpoint := variable(environ, "OTEL_EXPORTER_OTLP_ENDPOINT") != "" || variable(environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	return endpoint && !disabled
}

// isDisabled reports whether the environment turns all of OpenTelemetry off.
func isDisabled(environ []string) bool {
	return strings.EqualFold(variable(environ, "OTEL_SDK_DISABLED"), "true")
}

// variable returns the value of a variable; "" without one.
func variable(environ []string, name string) (value string) {
	for _, v := range environ {
		if known, text, _ := strings.Cut(v, "="); known == name {
			value = strings.TrimSpace(text)
		}
	}
	return value
}

// Tracing makes traces and sends them. It is safe for concurrent use.
type Tracing struct {
	provider   *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TraceContext
	byParent   bool
	ratio      float64
	slow       time.Duration
	counts     *counts
	requests   *backlog
}

// New returns a Tracing that connects to nothing yet. The caller calls Shutdown. The
// error is about variables that cannot be used.
func New(ctx context.Context, o Options) (*Tracing, error) {
	warnProtocol(ctx, o.Logger, o.Environ, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	byParent, ratio, err := sampling(o)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("the exporter of traces: %w", err)
	}
	about, err := resourceOf(ctx, o.Version, o.Node)
	if err != nil {
		return nil, err
	}
	c := &counts{}
	otel.SetErrorHandler(&lossLog{logger: o.Logger, event: "traces_not_sent", effect: "requests are answered as before"})
	batches := sdktrace.NewBatchSpanProcessor(counted{exporter, c})
	// What is not to be recorded is not begun, so that the SDK need not decide.
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(ids{}), sdktrace.WithResource(about),
		sdktrace.WithSpanProcessor(newPollFilter(counting{batches, c})))
	t := &Tracing{
		provider: provider, tracer: provider.Tracer(scope, trace.WithInstrumentationVersion(o.Version)),
		byParent: byParent, ratio: ratio, slow: o.Slow, counts: c,
	}
	t.requests = newBacklog(t.makeSpan, func() { c.ended.Add(1) })
	return t, nil
}

// warnProtocol logs a protocol that is asked for and is not the one that is used. own is the
// variable of the signal.
func warnProtocol(ctx context.Context, logger *slog.Logger, environ []string, own string) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", own} {
		if p := variable(environ, name); p != "" && p != "http/protobuf" {
			logger.WarnContext(ctx, "tracing_protocol", name, p, "effect", "http/protobuf is used",
				"hint", "collectors accept it at port 4318; 4317 is the port of gRPC")
		}
	}
}

// resourceOf returns what everything that is sent is about: this process.
func resourceOf(ctx context.Context, version, node string) (*resource.Resource, error) {
	about, err := resource.New(ctx, resource.WithAttributes(
		semconv.ServiceName("edge-proxy"), semconv.ServiceVersion(version), semconv.ServiceInstanceID(node),
	), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return about, nil
}

// Shutdown sends what is left, until ctx ends.
func (t *Tracing) Shutdown(ctx context.Context) error {
	t.requests.flush()
	return t.provider.Shutdown(ctx)
}

// Inject adds the trace of ctx to the header of a request to upstream.
func (t *Tracing) Inject(ctx context.Context, header http.Header) {
	t.propagator.Inject(ctx, propagation.HeaderCarrier(header))
}

// Extract returns the context of a request with the trace that its header names.
func (t *Tracing) Extract(r *http.Request) context.Context {
	return t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}

// sampling returns how requests and polls are chosen.
func sampling(o Options) (byParent bool, ratio float64, err error) {
	name := variable(o.Environ, "OTEL_TRACES_SAMPLER")
	if name == "" {
		return o.ByParent, o.Ratio, nil
	}
	kind, byParent := strings.CutPrefix(name, "parentbased_")
	switch kind {
	case "always_on":
		return byParent, 1, nil
	case "always_off":
		return byParent, 0, nil
	case "traceidratio":
		ratio = 1
		if text := variable(o.Environ, "OTEL_TRACES_SAMPLER_ARG"); text != "" {
			if _, err := fmt.Sscanf(text, "%g", &ratio); err != nil || !(ratio >= 0 && ratio <= 1) {
				return false, 0, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1")
			}
		}
		return byParent, ratio, nil
	}
	return false, 0, fmt.Errorf("OTEL_TRACES_SAMPLER must be one of %s", samplers)
}

// samplers are the allowed values of OTEL_TRACES_SAMPLER.
const samplers = "always_off, always_on, parentbased_always_off, parentbased_always_on, parentbased_traceidratio, traceidratio"

// chosen reports whether something that nobody has decided about is traced.
func (t *Tracing) chosen() bool { return t.ratio > 0 && rand.Float64() < t.ratio }
