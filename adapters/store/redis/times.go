package redis

import (
	"fmt"
	"time"
)

// timeLayout keeps microseconds, and its texts sort as the times do.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// formatTime fails for the years that would not sort.
func formatTime(t time.Time) (string, error) {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return "", fmt.Errorf("year %d is out of range", year)
	}
	return t.Format(timeLayout), nil
}

// parseTime is the reverse of formatTime; its errors are ports.ErrCorrupt.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(timeLayout, text)
	if err != nil || len(text) != len(timeLayout) {
		return time.Time{}, corrupt("a time is malformed")
	}
	return t, nil
}
