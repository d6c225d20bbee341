//go:build !race

package harness

// RaceEnabled says whether tests and the proxies they start are built with the
// race detector, which makes everything several times slower.
const RaceEnabled = false
