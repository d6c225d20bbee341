package metrics

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/reporting"
)

// The metrics of event streams for applications, and of reports to upstream.
var (
	streamListeners    = gauge("edge_proxy_stream_listeners", "Event streams of applications that are open", environmentLabel)
	FeatureEvaluations = counter("edge_proxy_feature_evaluations_total",
		"Evaluations that applications reported, by feature; _other: of features and environments beyond the first 1,000 series",
		environmentLabel, label("feature")).optional("with `metrics.features`, after the first report")
	StreamEvents = counter("edge_proxy_stream_events_total", "Events that were sent to applications, without heartbeats")
	StreamClosed = counter("edge_proxy_stream_closed_total",
		"Event streams that ended; slow: the application did not take what was sent; drain: the node shut down; gone: the application left; removed: the environment is not served any more",
		label("reason", "slow", "drain", "gone", "removed"))
	reportPending = gauge("edge_proxy_report_pending", "Counts, and events of experiments, that are not reported yet", reportKind).optional(onlyWithReports)
	reportSent    = counter("edge_proxy_report_sent_total", "Counts and events that upstream accepted", reportKind).optional(onlyWithReports)
	reportDropped = counter("edge_proxy_report_dropped_total",
		"Counts and events that were dropped; full: the queue was full (events: the client got 503 and may send them again); refused: upstream does not accept them; not_delivered: the process ended first",
		reportKind, label("reason", texts(reporting.Drops())...)).optional(onlyWithReports)
	reportSuccess = gauge("edge_proxy_report_success_timestamp_seconds", "When upstream last accepted a report", reportKind).optional(onlyWithReports)
)

// MaxFeatures is how many series FeatureEvaluations may have.
const MaxFeatures = 1000

const onlyWithReports = "for the kinds of reports that are on"

var reportKind = label("kind", texts(app.ReportKinds())...)

func reports() []Definition {
	return []Definition{streamListeners, StreamEvents, StreamClosed, reportPending, reportSent, reportDropped, reportSuccess, FeatureEvaluations}
}
