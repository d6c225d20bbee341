package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Request is a request that load repeats.
type Request struct {
	Method, Target string
	Header         [][2]string
	// Bodies are sent in turn. Without any, requests have no body.
	Bodies []string
	// Delay is the time between a response and the next request of its connection, in
	// whole milliseconds.
	Delay time.Duration
}

// Result is what a run of wrk measured.
type Result struct {
	Requests int64
	Failed   int64 // by status, or on the connection
	Rate     float64
	P50, P99 time.Duration
}

// Wrk repeats one request to an address, from one thread on the given cores. An address
// without a scheme is one of HTTP. scratch is a directory for the script.
func Wrk(ctx context.Context, scratch, cores, address string, r Request, connections int, duration time.Duration) (Result, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	script := filepath.Join(scratch, "wrk.lua")
	if err := os.WriteFile(script, []byte(luaScript(r)), 0o600); err != nil {
		return Result{}, err
	}
	arguments := []string{"wrk", "-t1", "-c" + strconv.Itoa(connections), fmt.Sprintf("-d%ds", max(1, int(duration.Seconds()))),
		"--timeout", "10s", "-s", script, address + r.Target}
	if cores != "" {
		arguments = append([]string{"taskset", "-c", cores}, arguments...)
	}
	output, err := exec.CommandContext(ctx, arguments[0], arguments[1:]...).CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("wrk: %w\n%s", err, output)
	}
	_, summary, found := strings.Cut(string(output), marker)
	if !found {
		return Result{}, fmt.Errorf("wrk printed no summary:\n%s", output)
	}
	var s struct{ Requests, Failed, Duration, P50, P99 int64 } // in microseconds
	if err := json.Unmarshal([]byte(summary), &s); err != nil {
		return Result{}, fmt.Errorf("wrk's summary: %w\n%s", err, output)
	}
	return Result{
		Requests: s.Requests, Failed: s.Failed, Rate: float64(s.Requests) / (float64(s.Duration) / 1e6),
		P50: time.Duration(s.P50) * time.Microsecond, P99: time.Duration(s.P99) * time.Microsecond,
	}, nil
}

const marker = "--summary--"

// luaScript returns wrk's script, which makes the requests once.
func luaScript(r Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "wrk.method = %s\n", luaText(r.Method))
	for _, h := range r.Header {
		fmt.Fprintf(&b, "wrk.headers[%s] = %s\n", luaText(h[0]), luaText(h[1]))
	}
	switch len(r.Bodies) {
	case 0:
	case 1:
		fmt.Fprintf(&b, "wrk.body = %s\n", luaText(r.Bodies[0]))
	default:
		b.WriteString("local bodies, requests, at = {\n")
		for _, body := range r.Bodies {
			b.WriteString(luaText(body) + ",\n")
		}
		b.WriteString(`}, {}, 0
function init(args)
  for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, body) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`)
	}
	if r.Delay > 0 {
		fmt.Fprintf(&b, "function delay() return %d end\n", r.Delay.Milliseconds())
	}
	b.WriteString(`function done(summary, latency, requests)
  local e = summary.errors
  io.write("` + marker + `", string.format('{"requests":%d,"failed":%d,"duration":%d,"p50":%d,"p99":%d}',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
`)
	return b.String()
}

// luaText quotes a text for Lua.
func luaText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			fmt.Fprintf(&b, "\\%03d", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
