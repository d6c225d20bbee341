package redis

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Times are kept as RFC 3339 has them, in UTC and to the microsecond, with a year
// of four digits or more. So operators can read them, and scripts compare them:
// the shorter text is earlier, and texts of one length sort as the times do.
const afterYear = "-01-02T15:04:05.000000Z"

// formatTime fails for times before the year 0.
func formatTime(t time.Time) (string, error) {
	t = t.UTC()
	if t.Year() < 0 {
		return "", fmt.Errorf("year %d is out of range", t.Year())
	}
	return fmt.Sprintf("%04d", t.Year()) + t.Format(afterYear), nil
}

// parseTime is the reverse of formatTime; its errors are ports.ErrCorrupt.
func parseTime(text string) (time.Time, error) {
	malformed := corrupt("a time is malformed")
	digits, _, _ := strings.Cut(text, "-")
	year, err := strconv.Atoi(digits)
	if err != nil {
		return time.Time{}, malformed
	}
	// In the year 0, which has a 29th of February.
	rest, err := time.Parse(afterYear, text[len(digits):])
	if err != nil {
		return time.Time{}, malformed
	}
	t := rest.AddDate(year, 0, 0)
	if same, err := formatTime(t); err != nil || same != text {
		return time.Time{}, malformed
	}
	return t, nil
}
