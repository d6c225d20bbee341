package metrics

import "github.com/prometheus/client_golang/prometheus"

// Emit gives a metric one value, with the values of its labels in the order of its
// Definition.
type Emit func(value float64, labels ...string)

// Reading is a counter or gauge that is read when a scrape asks for it.
type Reading struct {
	Definition Definition
	// Read calls emit for each series. It is called for every scrape, from several
	// goroutines at a time.
	Read func(emit Emit)
}

// Value returns a Reading without labels.
func Value[T int | int64 | uint64 | float64](d Definition, read func() T) Reading {
	return Reading{d, func(emit Emit) { emit(float64(read())) }}
}

// Values returns a Reading with one label, by whose values the map is.
func Values(d Definition, read func() map[string]int64) Reading {
	return Reading{d, func(emit Emit) {
		for value, n := range read() {
			emit(float64(n), value)
		}
	}}
}

// Constant returns a Reading of an info metric, which is always 1.
func Constant(d Definition, labels ...string) Reading {
	return Reading{d, func(emit Emit) { emit(1, labels...) }}
}

// Add adds readings. It panics when one is added twice.
func (m *Metrics) Add(readings ...Reading) {
	for _, r := range readings {
		m.registry.MustRegister(&reading{r, newSeries(r.Definition)})
	}
}

// reading is the collector of a Reading.
type reading struct {
	Reading
	series series
}

// Describe implements prometheus.Collector.
func (r *reading) Describe(descs chan<- *prometheus.Desc) { descs <- r.series.desc }

// Collect implements prometheus.Collector.
func (r *reading) Collect(metrics chan<- prometheus.Metric) { r.Read(r.series.to(metrics)) }

// series makes the series of a definition.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newSeries(d Definition) series {
	kind := prometheus.GaugeValue
	if d.Type == Counter {
		kind = prometheus.CounterValue
	}
	return series{prometheus.NewDesc(d.Name, d.Help, d.names(), nil), kind}
}

// to returns an Emit that sends series to a channel.
func (s series) to(metrics chan<- prometheus.Metric) Emit {
	return func(value float64, labels ...string) {
		m, err := prometheus.NewConstMetric(s.desc, s.kind, value, labels...)
		if err != nil { // a label that is not UTF-8, say: it must not hide the others
			m = prometheus.NewInvalidMetric(s.desc, err)
		}
		metrics <- m
	}
}
