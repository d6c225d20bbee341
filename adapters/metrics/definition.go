package metrics

import "slices"

// Type is the type of a metric.
type Type string

// The types. A scrape in protobuf has the native form of histograms, too.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
	Summary   Type = "summary" // of the Go runtime alone
)

// Definition is one metric of the catalogue. It is read-only.
type Definition struct {
	Name   string
	Type   Type
	Help   string // what it is, without a full stop, for operators
	Labels []Label
	// Buckets are the upper bounds of a histogram's classic buckets.
	Buckets []float64
	// Optional says that the metric may be missing from a scrape, and when it is there.
	Optional string
}

// Label is a label of a metric.
type Label struct {
	Name string
	// Values are all values that the label can have. Nil: it has as many as there are
	// environments, routes or the like, never what a client sent.
	Values []string
}

func gauge(name, help string, labels ...Label) Definition {
	return Definition{Name: name, Type: Gauge, Help: help, Labels: labels}
}

func counter(name, help string, labels ...Label) Definition {
	return Definition{Name: name, Type: Counter, Help: help, Labels: labels}
}

func histogram(name, help string, buckets []float64, labels ...Label) Definition {
	return Definition{Name: name, Type: Histogram, Help: help, Buckets: buckets, Labels: labels}
}

// optional returns d with Optional.
func (d Definition) optional(when string) Definition {
	d.Optional = when
	return d
}

// label returns a label with fixed values, or with an open set of values.
func label(name string, values ...string) Label { return Label{Name: name, Values: values} }

// names returns the names of the labels.
func (d Definition) names() []string {
	names := make([]string, len(d.Labels))
	for i, l := range d.Labels {
		names[i] = l.Name
	}
	return names
}

// Definitions returns the whole catalogue, in the order of the reference.
func Definitions() []Definition {
	var all []Definition
	for _, s := range Sections() {
		all = append(all, s.Definitions...)
	}
	return all
}

// Section is a part of the catalogue.
type Section struct {
	Title       string
	Definitions []Definition
}

// Sections returns the catalogue by section.
func Sections() []Section {
	return []Section{
		{"Serving", serving()},
		{"Documents", documents()},
		{"Upstream", upstream()},
		{"Store and fleet", fleet()},
		{"Event streams and reports", reports()},
		{"Process, configuration and security", process()},
		{"Go runtime", goRuntime()},
		{"Operating system", operatingSystem()},
	}
}

// values returns the values of a label of d.
func (d Definition) values(name string) []string {
	i := slices.IndexFunc(d.Labels, func(l Label) bool { return l.Name == name })
	return d.Labels[i].Values
}
