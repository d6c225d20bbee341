// Package metrics tests the metrics of a proxy from outside: the catalogue against a
// scrape of the binary, what clients can do to the series, and how long changes take to
// be served, by an upstream whose clock is wrong.
package metrics
