package adminapi

import (
	"strconv"
	"time"
)

// span returns a duration as people say it, with at most two units: "45 s", "6 min",
// "3 h 20 min", "2 d".
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Second:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return count(d, time.Second, "s")
	case d < 2*time.Hour:
		return count(d, time.Minute, "min")
	case d < 2*day:
		return pair(d, time.Hour, "h", time.Minute, "min")
	default:
		return pair(d, day, "d", time.Hour, "h")
	}
}

func count(d, unit time.Duration, name string) string {
	return strconv.FormatInt(int64(d/unit), 10) + " " + name
}

func pair(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := count(d, large, largeName)
	if rest := d % large; rest >= small {
		text += " " + count(rest, small, smallName)
	}
	return text
}

// plural returns a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
