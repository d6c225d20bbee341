package metrics

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/reporting"
)

// The metrics of event streams for applications, and of reports to upstream.
var (
	streamListeners = Definition{
		Name: "edge_proxy_stream_listeners", Type: Gauge,
		Help:   "Event streams of applications that are open",
		Labels: []Label{environmentLabel},
	}
	FeatureEvaluations = Definition{
		Name: "edge_proxy_feature_evaluations_total", Type: Counter,
		Help:     "Evaluations that applications reported, by feature; _other: of features and environments beyond the first 1,000 series",
		Labels:   []Label{environmentLabel, label("feature")},
		Optional: "with `metrics.features`, after the first report",
	}
	StreamEvents = Definition{
		Name: "edge_proxy_stream_events_total", Type: Counter,
		Help: "Events that were sent to applications, without heartbeats",
	}
	StreamClosed = Definition{
		Name: "edge_proxy_stream_closed_total", Type: Counter,
		Help:   "Event streams that ended; slow: the application did not take what was sent; drain: the node shut down; gone: the application left; removed: the environment is not served any more",
		Labels: []Label{label("reason", "slow", "drain", "gone", "removed")},
	}
	reportPending = ofReports("edge_proxy_report_pending", Gauge, "Counts, and events of experiments, that are not reported yet")
	reportSent    = ofReports("edge_proxy_report_sent_total", Counter, "Counts and events that upstream accepted")
	reportDropped = Definition{
		Name: "edge_proxy_report_dropped_total", Type: Counter,
		Help:     "Counts and events that were dropped; full: the queue was full (events: the client got 503 and may send them again); refused: upstream does not accept them; not_delivered: the process ended first",
		Labels:   []Label{reportKind, label("reason", texts(reporting.Drops())...)},
		Optional: onlyWithReports,
	}
	reportSuccess = ofReports("edge_proxy_report_success_timestamp_seconds", Gauge, "When upstream last accepted a report")
)

// MaxFeatures is how many series FeatureEvaluations may have.
const MaxFeatures = 1000

const onlyWithReports = "for the kinds of reports that are on"

var reportKind = label("kind", texts(app.ReportKinds())...)

func ofReports(name string, t Type, help string) Definition {
	return Definition{Name: name, Type: t, Help: help, Labels: []Label{reportKind}, Optional: onlyWithReports}
}

func reports() []Definition {
	return []Definition{streamListeners, StreamEvents, StreamClosed, reportPending, reportSent, reportDropped, reportSuccess, FeatureEvaluations}
}
