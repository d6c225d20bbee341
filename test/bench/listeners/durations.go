package main

import (
	"fmt"
	"slices"
	"time"
)

// durations are summarised by their quantiles.
type durations []time.Duration

func (d durations) sorted() durations { return slices.Sorted(slices.Values(d)) }

func (d durations) String() string {
	if len(d) == 0 {
		return "-"
	}
	s := d.sorted()
	at := func(share float64) time.Duration {
		return s[min(len(s)-1, int(share*float64(len(s))))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("median %s, 99%% %s, most %s", at(0.5), at(0.99), at(1))
}
