package metrics

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// nativeSchema gives the native form eight buckets for each doubling, of which each
	// ends at 1.09 times the bound of the one before.
	nativeSchema  = 3
	perDoubling   = 1 << nativeSchema
	shortestPower = -20 // the native form begins at 2^-20 s, about a microsecond
	longestPower  = 17  // and its last bucket begins at 2^17 s, a day and a half
	// maxNative is how many buckets the native form of one series may have.
	maxNative = 160
	// maxSteps is more than the number of steps of a scale.
	maxSteps = 320
	// perPower is into how many parts the search for a step divides the durations from one
	// power of two to the next.
	perPower = 8
)

// scale divides durations into steps. Each step lies within one bucket of the classic form
// of a histogram and within one of its native form, so that counting by steps is counting
// for both. A scale does not change.
type scale struct {
	bounds []time.Duration // the steps' upper bounds; the last step has none
	// native has, for each step, the index of its bucket in the native form. The first step
	// is that form's zero bucket.
	native []int
	// classic has, for each bucket of the classic form, the last of its steps.
	classic []int
	// first has the step to begin the search for a duration with, by its highest bits.
	first [64 * perPower]uint16
}

// newScale returns the scale for the upper bounds of a classic form, in seconds.
func newScale(buckets []float64) *scale {
	s := new(scale)
	for n := shortestPower * perDoubling; n <= longestPower*perDoubling; n++ {
		s.bounds = append(s.bounds, time.Duration(math.Exp2(float64(n)/perDoubling)*1e9))
	}
	natives := slices.Clone(s.bounds)
	for _, bound := range buckets {
		s.bounds = append(s.bounds, time.Duration(math.Round(bound*1e9)))
	}
	slices.Sort(s.bounds)
	s.bounds = slices.Compact(s.bounds)
	for _, bound := range buckets {
		i, _ := slices.BinarySearch(s.bounds, time.Duration(math.Round(bound*1e9)))
		s.classic = append(s.classic, i)
	}
	s.bounds = append(s.bounds, math.MaxInt64)
	for _, bound := range s.bounds {
		i, _ := slices.BinarySearch(natives, bound)
		s.native = append(s.native, shortestPower*perDoubling+i)
	}
	for i := range s.first {
		length, high := i/perPower, i%perPower
		least := time.Duration(0) // of the durations of that length and with these bits after the first
		if length > 3 {
			least = time.Duration(uint64(perPower+high) << (length - 4))
		}
		step, _ := slices.BinarySearch(s.bounds, least)
		s.first[i] = uint16(step)
	}
	return s
}

// step returns the number of the step that a duration is in.
func (s *scale) step(d time.Duration) int {
	if d <= s.bounds[0] {
		return 0
	}
	length := bits.Len64(uint64(d)) // at least 10, as the first step is longer
	i := int(s.first[length*perPower+int(uint64(d)>>(length-4))&(perPower-1)])
	for s.bounds[i] < d {
		i++
	}
	return i
}

// zero is the upper bound of the first step in seconds.
func (s *scale) zero() float64 { return math.Exp2(shortestPower) }

// classicOf returns the classic form of counts by step: for each upper bound in seconds how
// many are not above it.
func (s *scale) classicOf(counts []uint64, buckets []float64) map[float64]uint64 {
	form := make(map[float64]uint64, len(buckets))
	step, below := 0, uint64(0)
	for i, bound := range buckets {
		for ; step <= s.classic[i]; step++ {
			below += counts[step]
		}
		form[bound] = below
	}
	return form
}

// nativeOf returns the native form of counts by step, but for its zero bucket, and its
// schema: a coarser one if there were too many buckets.
func (s *scale) nativeOf(counts []uint64) (form map[int]int64, schema int32) {
	form, schema = map[int]int64{}, nativeSchema
	for step, n := range counts[1:] {
		if n > 0 {
			form[s.native[step+1]] += int64(n)
		}
	}
	for len(form) > maxNative {
		coarser := make(map[int]int64, len(form))
		for i, n := range form {
			coarser[(i+1)>>1] += n
		}
		form = coarser
		schema--
	}
	return form, schema
}
