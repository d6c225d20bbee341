package flagsmith

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// updatedEvent is the event that tells of a new document.
	updatedEvent = "environment_updated"
	// maxEvent bounds a line of a stream: events are a few dozen bytes.
	maxEvent = 64 << 10
	// streamSilence is how long a stream may say nothing at all, heartbeats
	// included, before it counts as broken.
	streamSilence = 90 * time.Second
	// A broken stream rests between these before it is opened again, longer each
	// time in a row.
	shortestPause, longestPause = time.Second, time.Minute
	// steadyAfter is how long a stream must have held for the next pause to be
	// the shortest again.
	steadyAfter = 10 * time.Second
)

// Streams are the real-time streams of Flagsmith, one connection for each
// environment (docs/spec/upstream.md#real-time). It is safe for concurrent use.
type Streams struct {
	client *Client
	base   *url.URL
	logger *slog.Logger
}

var _ ports.Notifier = (*Streams)(nil)

// NewStreams returns the streams at base (realtime_url), an http or https
// address. They share the client's settings for forward proxies, certificates and
// the user agent, but no key: client-side keys in the address are all they need.
func (c *Client) NewStreams(base *url.URL, logger *slog.Logger) (*Streams, error) {
	if base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" {
		return nil, errors.New("realtime_url must begin with http:// or https:// and name a host")
	}
	return &Streams{client: c, base: base, logger: logger}, nil
}

// Notify holds one stream for each key open until ctx ends, see ports.Notifier.
// A stream that fails is opened again after a pause with jitter.
func (s *Streams) Notify(ctx context.Context, keys []domain.EnvironmentKey, changed func(domain.EnvironmentKey, time.Time)) error {
	var (
		streams sync.WaitGroup
		one     sync.Mutex // calls of changed come one at a time
	)
	for _, key := range keys {
		streams.Go(func() {
			s.hold(ctx, key, func(updatedAt time.Time) {
				one.Lock()
				defer one.Unlock()
				changed(key, updatedAt)
			})
		})
	}
	streams.Wait()
	<-ctx.Done() // also where there are no keys
	return ctx.Err()
}

// hold keeps one stream open until ctx ends.
func (s *Streams) hold(ctx context.Context, key domain.EnvironmentKey, changed func(time.Time)) {
	pause, told := shortestPause, false
	for ctx.Err() == nil {
		opened := time.Now()
		err := s.read(ctx, key, func() {
			if told {
				told = false
				s.logger.InfoContext(ctx, "realtime_stream_restored", "client_side_key", string(key))
				changed(time.Time{}) // what happened meanwhile is found by fetching
			}
		}, changed)
		if ctx.Err() != nil {
			return
		}
		if time.Since(opened) > steadyAfter {
			pause = shortestPause
		}
		if !told {
			told = true
			s.logger.WarnContext(ctx, "realtime_stream_failed", "client_side_key", string(key), "error", err, "effect", "polling goes on; the stream is tried again")
		}
		timer := time.NewTimer(pause/2 + time.Duration(rand.Float64()*float64(pause)))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, longestPause)
	}
}

// read opens a stream and reads it until it breaks or ctx ends. The error is
// never nil and names no address's path.
func (s *Streams) read(ctx context.Context, key domain.EnvironmentKey, opened func(), changed func(time.Time)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(s.client.options.Timeout, func() { cancel(errSilent) })
	defer silence.Stop()

	request := request{
		address: s.base.JoinPath("sse", "environments", url.PathEscape(string(key)), "stream"),
		header:  http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}},
	}
	answer, err := s.client.get(ctx, request)
	if err != nil {
		return causeOr(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream's server answered %d", answer.StatusCode)
	}
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return errors.New("the stream's server answered something other than a stream of events: check realtime_url")
	}
	silence.Reset(streamSilence)
	opened()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 1024), maxEvent)
	var event, data string
	for lines.Scan() {
		silence.Reset(streamSilence)
		line := strings.TrimSuffix(lines.Text(), "\r")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "": // the end of an event
			if event == updatedEvent {
				changed(eventTime(data))
			}
			event, data = "", ""
		case field == "event":
			event = value
		case field == "data" && data != "":
			data += "\n" + value
		case field == "data":
			data = value
		}
	}
	if err := lines.Err(); err != nil {
		return causeOr(ctx, fmt.Errorf("reading the stream: %w", err))
	}
	return io.EOF
}

var errSilent = errors.New("the stream has been silent for too long")

// causeOr returns why ctx ended, if it did, else err.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// largestSeconds is the end of the year 9999: what is larger cannot be seconds and
// is milliseconds.
const largestSeconds = 253402300800

// eventTime reads the updated_at of an event: Unix seconds, perhaps with a
// fraction, or milliseconds. It is zero where there is none.
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
