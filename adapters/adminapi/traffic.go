package adminapi

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// Traffic is what clients ask for.
type Traffic struct {
	// LastMinute is what was answered lately; nil: it is not measured.
	LastMinute *LastMinute
	// Connections are those that are open, by protocol: http1, h2, and sse for event
	// streams that have a connection of their own.
	Connections map[string]int64
}

// LastMinute is what was answered lately, health checks left out.
type LastMinute struct {
	// Over is the time that the figures are about: about a minute, less after a start.
	Over time.Duration
	// Requests is how many requests were answered. The others are parts of it, by the
	// status: 304, 4xx and 5xx.
	Requests, NotModified, ClientErrors, ServerErrors uint64
	// Median and P99 are in what time half of the requests and 99 % of them were answered;
	// 0 without requests.
	Median, P99 time.Duration
	// Longest is the time from which on Median and P99 are not known exactly.
	Longest time.Duration
}

// perSecond returns how many requests there were in a second; 0 if that is not known.
func (m LastMinute) perSecond() float64 {
	if m.Over <= 0 {
		return 0
	}
	return float64(m.Requests) / m.Over.Seconds()
}

// share returns which part of the requests n is, from 0 to 1; 0 without requests.
func (m LastMinute) share(n uint64) float64 {
	if m.Requests == 0 {
		return 0
	}
	return float64(n) / float64(m.Requests)
}

// figure is a number with its name.
type figure struct{ Name, Value, Class string }

// figuresOf returns what the page shows of the traffic.
func figuresOf(t *Traffic, s app.Status) []figure {
	var list []figure
	if m := t.LastMinute; m != nil {
		list = append(list, figure{"Requests/s", rate(m.perSecond()), ""})
		for _, part := range []struct {
			name, class string
			count       uint64
		}{{"304 unchanged", "", m.NotModified}, {"4xx refused", "", m.ClientErrors}, {"5xx failed", "critical", m.ServerErrors}} {
			f := figure{Name: part.name, Value: percent(m.share(part.count), part.count)}
			if part.count > 0 {
				f.Class = part.class
			}
			list = append(list, f)
		}
		list = append(list, figure{"Half within", m.latency(m.Median), ""}, figure{"99 % within", m.latency(m.P99), ""})
	}
	var open int64
	for _, n := range t.Connections {
		open += n
	}
	return append(list, figure{"Connections", strconv.FormatInt(open, 10), ""}, figure{"Event listeners", strconv.Itoa(listenersOf(s)), ""})
}

// aboutFigures says what the figures of the traffic are about.
func aboutFigures(t *Traffic) string {
	switch m := t.LastMinute; {
	case m == nil:
		return "Requests are not measured, because metrics.enabled is false."
	case m.Over <= 0:
		return "Requests are measured from now on."
	default:
		return "Requests of the last " + span(m.Over) + ", health checks left out."
	}
}

// listenersOf returns how many streams of events are open for all environments.
func listenersOf(s app.Status) int {
	n := 0
	for _, e := range s.Environments {
		n += e.Listeners
	}
	return n
}

// rate returns a number a second as people read it.
func rate(perSecond float64) string {
	if perSecond > 0 && perSecond < 0.1 {
		return "< 0.1"
	}
	if perSecond < 100 {
		return strings.TrimSuffix(strconv.FormatFloat(perSecond, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(perSecond, 'f', 0, 64)
}

// percent returns a share as people read it. What happened is not shown as nothing.
func percent(share float64, count uint64) string {
	if count > 0 && share < 0.001 {
		return "< 0.1 %"
	}
	return strings.TrimSuffix(strconv.FormatFloat(100*share, 'f', 1, 64), ".0") + " %"
}

// latency returns the time of an answer as people read it.
func (m LastMinute) latency(d time.Duration) string {
	switch {
	case m.Requests == 0:
		return "–"
	case m.Longest > 0 && d >= m.Longest:
		return span(m.Longest) + " or more"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
	default:
		return span(d)
	}
}

// trafficJSON is the traffic in /status.json.
type trafficJSON struct {
	LastMinute  *lastMinuteJSON  `json:"last_minute"`
	Connections map[string]int64 `json:"connections"`
	Listeners   int              `json:"listeners"`
}

type lastMinuteJSON struct {
	Over              string  `json:"over"`
	Requests          uint64  `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	NotModified       uint64  `json:"not_modified"`
	ClientErrors      uint64  `json:"client_errors"`
	ServerErrors      uint64  `json:"server_errors"`
	P50               *string `json:"p50"`
	P99               *string `json:"p99"`
}

// trafficOf returns the JSON of t; nil for nil.
func trafficOf(t *Traffic, s app.Status) *trafficJSON {
	if t == nil {
		return nil
	}
	out := &trafficJSON{Connections: map[string]int64{}, Listeners: listenersOf(s)}
	maps.Copy(out.Connections, t.Connections)
	if m := t.LastMinute; m != nil {
		out.LastMinute = &lastMinuteJSON{
			Over: seconds(m.Over), Requests: m.Requests, RequestsPerSecond: round(m.perSecond()),
			NotModified: m.NotModified, ClientErrors: m.ClientErrors, ServerErrors: m.ServerErrors,
		}
		if m.Requests > 0 {
			out.LastMinute.P50, out.LastMinute.P99 = new(microseconds(m.Median)), new(microseconds(m.P99))
		}
	}
	return out
}

// round returns a number to three places.
func round(n float64) float64 {
	n, _ = strconv.ParseFloat(strconv.FormatFloat(n, 'f', 3, 64), 64)
	return n
}

// microseconds is seconds for a time that may be short, to the microsecond.
func microseconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Microsecond).Seconds(), 'f', -1, 64) + "s"
}
