package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// MetricsOptions configure a push of metrics. The exporter and the resource are configured
// by the standard variables, as in Options, and the time between two pushes by
// OTEL_METRIC_EXPORT_INTERVAL.
type MetricsOptions struct {
	Environ []string // NAME=value
	Version string   // of this program
	Node    string   // names this process
	// Gatherer has the metrics.
	Gatherer prometheus.Gatherer
	Logger   *slog.Logger
}

// PushesMetrics reports whether the environment, in the form NAME=value, asks for a push of
// metrics: OTEL_METRICS_EXPORTER names otlp, and the SDK is not disabled.
func PushesMetrics(environ []string) bool {
	for name := range strings.SplitSeq(variable(environ, "OTEL_METRICS_EXPORTER"), ",") {
		if strings.TrimSpace(name) == "otlp" {
			return !isDisabled(environ)
		}
	}
	return false
}

// PushMetrics sends what a gatherer has to a collector, in intervals, until shutdown is
// called, which sends it once more. It waits for nothing. The error is about variables that
// cannot be used.
func PushMetrics(ctx context.Context, o MetricsOptions) (shutdown func(ctx context.Context) error, err error) {
	warnProtocol(ctx, o.Logger, o.Environ, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("the exporter of metrics: %w", err)
	}
	about, err := resourceOf(ctx, o.Version, o.Node)
	if err != nil {
		return nil, err
	}
	losses := &lossLog{logger: o.Logger, event: "metrics_not_sent", effect: "/metrics has them all the same"}
	reader := sdkmetric.NewPeriodicReader(loggingExporter{exporter, losses},
		sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(o.Gatherer))))
	return sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(reader)).Shutdown, nil
}

// loggingExporter logs what cannot be sent, and hides it from the SDK, which would report
// it as it reports spans that are lost.
type loggingExporter struct {
	sdkmetric.Exporter
	losses *lossLog
}

// Export implements sdkmetric.Exporter.
func (e loggingExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	if err := e.Exporter.Export(ctx, m); err != nil {
		e.losses.Handle(err)
	}
	return nil
}
