package flagsmith

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxEvent bounds a line of a stream and the data of an event in bytes. Events are a
// few dozen bytes.
const maxEvent = 64 << 10

// event is a server-sent event.
type event struct {
	name, data string
}

// readEvents reads a stream of server-sent events to its end and calls got for each
// event. It calls retry with each pause that the server asks for before the next
// connection. It returns nil at the end of the stream; an event without its blank line
// is dropped.
//
// Heartbeats may be comments or blank lines of any number. (The readers of go-sse
// v0.12 and of others collect them as the beginning of the next event, and fail when
// their buffer is full.)
func readEvents(r io.Reader, got func(event), retry func(time.Duration)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1024), maxEvent)
	lines.Split(splitLines())
	var (
		e     event
		data  strings.Builder
		named bool // a line of the event was there
	)
	for first := true; lines.Scan(); first = false {
		line := lines.Text()
		if first {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if named {
				e.data = strings.TrimSuffix(data.String(), "\n")
				got(e)
			}
			e, named = event{}, false
			data.Reset()
		case field == "event":
			e.name, named = value, true
		case field == "data":
			if data.Len()+len(value) > maxEvent {
				return errors.New("an event is too large")
			}
			data.WriteString(value)
			data.WriteByte('\n')
			named = true
		case field == "retry":
			if milliseconds, err := strconv.ParseUint(value, 10, 31); err == nil {
				retry(time.Duration(milliseconds) * time.Millisecond)
			}
		}
	}
	return lines.Err()
}

// splitLines returns a function for a bufio.Scanner. Lines end in "\n", "\r\n" or
// "\r". A line that ends in "\r" is returned at once: what follows may not come for a
// while.
func splitLines() bufio.SplitFunc {
	afterReturn := false // the last line ended in "\r"
	return func(text []byte, atEnd bool) (advance int, line []byte, err error) {
		skipped := 0
		if afterReturn && len(text) > 0 {
			afterReturn = false
			if text[0] == '\n' {
				skipped = 1
			}
		}
		end := bytes.IndexAny(text[skipped:], "\r\n")
		if end < 0 {
			if atEnd && len(text) > skipped {
				return len(text), text[skipped:], nil
			}
			return skipped, nil, nil
		}
		end += skipped
		afterReturn = text[end] == '\r'
		return end + 1, text[skipped:end], nil
	}
}

// largestSeconds is the end of the year 9999: what is larger cannot be seconds and
// is milliseconds.
const largestSeconds = 253402300800

// eventTime reads the updated_at of an event: Unix seconds, perhaps with a
// fraction, or milliseconds. It returns the zero time when data has none.
func eventTime(data string) time.Time {
	var event struct {
		UpdatedAt float64 `json:"updated_at"`
	}
	if err := json.Unmarshal([]byte(data), &event); err != nil || event.UpdatedAt <= 0 {
		return time.Time{}
	}
	seconds := event.UpdatedAt
	if seconds >= largestSeconds {
		seconds /= 1000
	}
	if seconds >= largestSeconds {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	// Microseconds are what documents have, and about what a float64 holds.
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC()
}
