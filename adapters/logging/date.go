package logging

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// datePiece is literal text or one of strftime's directives, compiled.
type datePiece struct {
	literal string
	layout  string                   // of time.Format
	compute func(t time.Time) []byte // for what time.Format has no layout for
}

// parseDate compiles the strftime format of a datefmt, in the C locale. An
// empty one is nil: Python's default.
func parseDate(format string) ([]datePiece, error) {
	var date []datePiece
	for {
		before, after, found := strings.Cut(format, "%")
		if before != "" {
			date = append(date, datePiece{literal: before})
		}
		if !found {
			return date, nil
		}
		if after == "" {
			return nil, errors.New("ends in a single %")
		}
		p, ok := directive(after[0])
		if !ok {
			return nil, fmt.Errorf("unknown directive %s", show("%"+after[:1]))
		}
		date = append(date, p)
		format = after[1:]
	}
}

func directive(c byte) (datePiece, bool) {
	layouts := func(l string) (datePiece, bool) { return datePiece{layout: l}, true }
	computed := func(f func(t time.Time) []byte) (datePiece, bool) { return datePiece{compute: f}, true }
	switch c {
	case 'Y':
		return layouts("2006")
	case 'y':
		return layouts("06")
	case 'm':
		return layouts("01")
	case 'd':
		return layouts("02")
	case 'e':
		return layouts("_2")
	case 'H':
		return layouts("15")
	case 'I':
		return layouts("03")
	case 'M':
		return layouts("04")
	case 'S':
		return layouts("05")
	case 'p':
		return layouts("PM")
	case 'a':
		return layouts("Mon")
	case 'A':
		return layouts("Monday")
	case 'b', 'h':
		return layouts("Jan")
	case 'B':
		return layouts("January")
	case 'j':
		return layouts("002")
	case 'z':
		return layouts("-0700")
	case 'Z':
		return layouts("MST")
	case 'F':
		return layouts("2006-01-02")
	case 'T', 'X':
		return layouts("15:04:05")
	case 'R':
		return layouts("15:04")
	case 'D', 'x':
		return layouts("01/02/06")
	case 'c':
		return layouts("Mon Jan _2 15:04:05 2006")
	case 'f':
		return computed(func(t time.Time) []byte { return fmt.Appendf(nil, "%06d", t.Nanosecond()/1000) })
	case 's':
		return computed(func(t time.Time) []byte { return strconv.AppendInt(nil, t.Unix(), 10) })
	case 'u':
		return computed(func(t time.Time) []byte { return strconv.AppendInt(nil, int64(t.Weekday()+6)%7+1, 10) })
	case 'w':
		return computed(func(t time.Time) []byte { return strconv.AppendInt(nil, int64(t.Weekday()), 10) })
	case 'G':
		return computed(func(t time.Time) []byte { year, _ := t.ISOWeek(); return strconv.AppendInt(nil, int64(year), 10) })
	case 'V':
		return computed(func(t time.Time) []byte { _, week := t.ISOWeek(); return fmt.Appendf(nil, "%02d", week) })
	case '%':
		return datePiece{literal: "%"}, true
	}
	return datePiece{}, false
}

func appendDate(buf []byte, date []datePiece, t time.Time) []byte {
	for _, p := range date {
		switch {
		case p.layout != "":
			buf = t.AppendFormat(buf, p.layout)
		case p.compute != nil:
			buf = append(buf, p.compute(t)...)
		default:
			buf = append(buf, p.literal...)
		}
	}
	return buf
}
