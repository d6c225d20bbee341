package metrics

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// requestSeries is the histogram of one route, method and status.
type requestSeries struct {
	labels []string
	began  time.Time
	// lanes are added up. Requests that are answered at the same time mostly count in
	// different ones, so that processors do not wait for each other's cache lines.
	lanes []atomic.Pointer[lane] // nil until something is counted
	// exemplars are the last traced answers, by bucket of the classic form.
	exemplars []atomic.Pointer[prometheus.Exemplar]
}

// lane is a part of the counts of a series.
type lane struct {
	steps [maxSteps]atomic.Uint64 // by step of the scale
	// time is the sum of the durations in units of 16 ns, which is enough for centuries of
	// streams.
	time atomic.Int64
}

const timeUnit = 16 * time.Nanosecond

// count counts an answer.
func (s *requestSeries) count(step int, took time.Duration, number uint32) {
	l := s.lanes[number].Load()
	if l == nil {
		l = new(lane)
		if !s.lanes[number].CompareAndSwap(nil, l) {
			l = s.lanes[number].Load()
		}
	}
	l.steps[step].Add(1)
	l.time.Add(int64((max(took, 0) + timeUnit/2) / timeUnit))
}

// exemplar keeps a traced answer.
func (s *requestSeries) exemplar(took time.Duration, traceID string) {
	value := took.Seconds()
	bucket, _ := slices.BinarySearch(requestDuration.Buckets, value)
	s.exemplars[bucket].Store(&prometheus.Exemplar{Value: value, Labels: prometheus.Labels{"trace_id": traceID}, Timestamp: time.Now()})
}

// histogramOf returns a series as it is now.
func (q *Requests) histogramOf(s *requestSeries) prometheus.Metric {
	counts := make([]uint64, len(q.scale.bounds))
	total, sum := uint64(0), int64(0)
	for i := range s.lanes {
		l := s.lanes[i].Load()
		if l == nil {
			continue
		}
		sum += l.time.Load()
		for step := range counts {
			n := l.steps[step].Load()
			counts[step] += n
			total += n
		}
	}
	seconds := float64(sum) * timeUnit.Seconds()
	h, err := prometheus.NewConstHistogramWithCreatedTimestamp(q.duration, total, seconds, q.scale.classicOf(counts, requestDuration.Buckets), s.began, s.labels...)
	if err == nil && q.native {
		var native prometheus.Metric
		buckets, schema := q.scale.nativeOf(counts)
		native, err = prometheus.NewConstNativeHistogram(q.duration, total, seconds, buckets, nil, counts[0], schema, q.scale.zero(), s.began, s.labels...)
		h = bothForms{h, native}
	}
	if exemplars := s.traced(); err == nil && len(exemplars) > 0 {
		h, err = prometheus.NewMetricWithExemplars(h, exemplars...)
	}
	if err != nil { // a bug must not hide the other series
		return prometheus.NewInvalidMetric(q.duration, err)
	}
	return h
}

// traced returns the exemplars.
func (s *requestSeries) traced() (list []prometheus.Exemplar) {
	for i := range s.exemplars {
		if e := s.exemplars[i].Load(); e != nil {
			list = append(list, *e)
		}
	}
	return list
}

// bothForms is a histogram with its classic and its native form.
type bothForms struct {
	prometheus.Metric
	native prometheus.Metric
}

// Write implements prometheus.Metric.
func (b bothForms) Write(out *dto.Metric) error {
	var classic dto.Metric
	if err := b.Metric.Write(&classic); err != nil {
		return err
	}
	if err := b.native.Write(out); err != nil {
		return err
	}
	out.Histogram.Bucket = classic.Histogram.Bucket
	return nil
}
