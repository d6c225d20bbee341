package logging_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// Times are written in UTC, to the microsecond, cut off rather than rounded.
func TestTimesOfJSONLines(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Date(2026, 1, 2, 3, 4, 5, 6_007, time.UTC):                                "2026-01-02T03:04:05.000006Z",
		time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC):                     "2026-12-31T23:59:59.999999Z",
		time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC):                                  "2024-02-29T12:00:00.000000Z",
		time.Date(2026, 7, 1, 1, 30, 0, 120_000_000, time.FixedZone("east", 2*60*60)):  "2026-06-30T23:30:00.120000Z",
		time.Date(2026, 7, 1, 23, 30, 0, 120_000_000, time.FixedZone("west", -5*3600)): "2026-07-02T04:30:00.120000Z",
		time.Date(987, 10, 11, 12, 13, 14, 0, time.UTC):                                "0987-10-11T12:13:14.000000Z",
		time.Date(12345, 10, 11, 12, 13, 14, 0, time.UTC):                              "12345-10-11T12:13:14.000000Z",
		time.Date(-3, 10, 11, 12, 13, 14, 0, time.UTC):                                 "-0003-10-11T12:13:14.000000Z",
	} {
		var out output
		l := open(t, logging.Options{Format: "json", EnableAccessLog: true, Stdout: &out})
		rec := request
		rec.Time = at
		l.Access(rec)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		var line struct{ Timestamp string }
		if err := json.Unmarshal([]byte(out.String()), &line); err != nil {
			t.Fatalf("%v in %s", err, out.String())
		}
		if line.Timestamp != want {
			t.Errorf("%s is written as %s, want %s", at, line.Timestamp, want)
		}
	}
}
