package logging

import (
	"sync/atomic"
	"time"
)

// timestamps writes times in UTC with a fixed number of decimals, further ones cut
// off. Thousands of access lines have the second of the line before, so what is
// written of a second is made once. It is safe for concurrent use.
type timestamps struct {
	decimals int // 1 to 9
	last     atomic.Pointer[secondText]
}

// secondText is how the times of a second begin.
type secondText struct {
	unix int64
	text string // with the decimal point
}

func (s *timestamps) append(buf []byte, t time.Time) []byte {
	second := s.last.Load()
	if unix := t.Unix(); second == nil || second.unix != unix {
		second = &secondText{unix, t.UTC().Format("2006-01-02T15:04:05") + "."}
		s.last.Store(second)
	}
	buf = append(buf, second.text...)
	for fraction, n := t.Nanosecond(), 0; n < s.decimals; n++ {
		const tenth = 100_000_000
		buf = append(buf, byte('0'+fraction/tenth))
		fraction = fraction % tenth * 10
	}
	return append(buf, 'Z')
}
