package flagsmith

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/outage"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// updatedEvent is the name of the event for a new document.
	updatedEvent = "environment_updated"
	// streamSilence is how long a stream may send nothing at all, heartbeats
	// included, before it counts as broken.
	streamSilence = 90 * time.Second
	// The pause before a broken stream is opened again doubles between these with each
	// failure in a row. shortestPause is replaced by what the server asks for.
	shortestPause, longestPause = time.Second, time.Minute
	// A stream is opened again after a time between these, so that it follows a host
	// that moves, and all streams do not do so at once.
	shortestLife, longestLife = 5 * time.Minute, 10 * time.Minute
	// steadyAfter is how long a stream must have held for the next pause to be
	// the shortest again.
	steadyAfter = 10 * time.Second
)

// Streams are the real-time streams of Flagsmith, one connection for each
// environment (docs/spec/upstream.md#real-time). It is safe for concurrent use.
type Streams struct {
	client  *Client
	base    *url.URL
	logger  *slog.Logger
	outages *outage.Tracker[domain.EnvironmentKey] // of the streams
	open    sync.Map                               // has the keys whose streams are open

	events, reconnects atomic.Int64
}

var (
	_ ports.Notifier  = (*Streams)(nil)
	_ ports.Connected = (*Streams)(nil)
)

// NewStreams returns the streams at base (realtime_url), an http or https
// address. They share the client's settings for forward proxies, certificates and
// the user agent, but no key: client-side keys in the address are all they need.
func (c *Client) NewStreams(base *url.URL, logger *slog.Logger) (*Streams, error) {
	if base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" {
		return nil, errors.New("realtime_url must begin with http:// or https:// and name a host")
	}
	return &Streams{client: c, base: base, logger: logger, outages: outage.NewTracker[domain.EnvironmentKey]()}, nil
}

// Notify keeps one stream for each key open until ctx ends, see ports.Notifier.
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

// Connected implements ports.Connected.
func (s *Streams) Connected(key domain.EnvironmentKey) bool {
	_, open := s.open.Load(key)
	return open
}

// Counts implements ports.Connected.
func (s *Streams) Counts() ports.StreamCounts {
	return ports.StreamCounts{Events: s.events.Load(), Reconnects: s.reconnects.Load()}
}

// hold keeps one stream open until ctx ends.
func (s *Streams) hold(ctx context.Context, key domain.EnvironmentKey, changed func(time.Time)) {
	defer s.outages.Leave(key)
	shortest := shortestPause
	pause, again, broke := shortest, false, false
	stream := stream{
		opened: func() {
			s.logOver(ctx, key, s.outages.Succeeded(key))
			if broke {
				s.reconnects.Add(1)
				broke = false
			}
			if again {
				changed(time.Time{}) // fetching finds what was missed
			}
			again = true
		},
		changed: changed,
		retry:   func(asked time.Duration) { shortest = min(max(asked, shortestPause), longestPause) },
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := s.read(ctx, key, stream)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errAged) {
			pause = shortest
			continue
		}
		if errors.Is(err, errSilent) || errors.Is(err, errNoStream) {
			s.client.connections.renew()
		}
		if time.Since(began) > steadyAfter {
			pause = shortest
		}
		again, broke = true, true
		pause = max(pause, shortest)
		next := between(pause/2, pause*3/2)
		if asked := min(failureOf(err).after, longestPause); asked > next {
			next = asked + between(0, shortest)
		}
		s.logFailure(ctx, key, err, next)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, longestPause)
	}
}

// logFailure logs that a stream broke, as package outage says. A response that is about
// the environment is the failure of one stream, any other that of their server.
func (s *Streams) logFailure(ctx context.Context, key domain.EnvironmentKey, err error, next time.Duration) {
	reach := outage.Origin
	if about := failureOf(err).status; about >= 400 && about < 500 && about != http.StatusTooManyRequests {
		reach = outage.Member
		s.open.Range(func(open, _ any) bool { // an open stream succeeds all the time
			s.logOver(ctx, key, s.outages.Succeeded(open.(domain.EnvironmentKey)))
			return false
		})
	}
	lasting, due, over := s.outages.Failed(time.Now(), key, reach, "")
	s.logOver(ctx, key, over)
	if !due {
		return
	}
	list := []any{"client_side_key", string(key), "error", err, "effect", "polling goes on; the stream is tried again"}
	list = append(append(list, lasting.Attributes()...), "next_try", next.Round(time.Millisecond).String())
	if lasting.Members > 1 {
		list = append(list, "environments", lasting.Members)
	}
	s.logger.WarnContext(ctx, "realtime_stream_failed", list...)
}

// logOver logs the outages that a stream has ended.
func (s *Streams) logOver(ctx context.Context, key domain.EnvironmentKey, over []outage.Summary) {
	for _, was := range over {
		list := append([]any{"client_side_key", string(key)}, was.After(time.Now())...)
		if was.Members > 1 {
			list = append(list, "environments", was.Members)
		}
		s.logger.InfoContext(ctx, "realtime_stream_restored", list...)
	}
}

// stream has what is called while a stream is read, one call at a time.
type stream struct {
	opened  func()
	changed func(time.Time)
	retry   func(time.Duration)
}

// read opens a stream and reads it until it breaks or ctx ends. The error is
// never nil and does not show the path of an address.
func (s *Streams) read(ctx context.Context, key domain.EnvironmentKey, calls stream) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(s.client.options.Timeout, func() { cancel(errNoStream) })
	defer silence.Stop()

	request := request{
		address: s.base.JoinPath("sse", "environments", url.PathEscape(string(key)), "stream"),
		header:  http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}},
	}
	answer, err := s.client.get(ctx, request)
	if err != nil {
		return causeOr(ctx, failureOf(err).about("realtime_url"))
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		drain(answer.Body)
		return &failure{
			status: answer.StatusCode, after: retryAfter(answer.Header), cause: causeOfStreamStatus(answer.StatusCode),
			err: fmt.Errorf("the stream's server answered %d", answer.StatusCode),
		}
	}
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return errors.New("the stream's server answered something other than a stream of events: check realtime_url")
	}
	if !silence.Stop() {
		return causeOr(ctx, errNoStream)
	}
	silence = time.AfterFunc(streamSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	age := time.AfterFunc(between(shortestLife, longestLife), func() { cancel(errAged) })
	defer age.Stop()
	s.open.Store(key, nil)
	defer s.open.Delete(key)
	calls.opened()
	body := noticed{answer.Body, func() { silence.Reset(streamSilence) }}
	err = readEvents(body, func(e event) {
		if e.name == updatedEvent {
			s.events.Add(1)
			calls.changed(eventTime(e.data))
		}
	}, calls.retry)
	if err != nil {
		return causeOr(ctx, fmt.Errorf("reading the stream: %w", err))
	}
	return io.EOF
}

// causeOfStreamStatus returns the likely cause of a response without a stream.
func causeOfStreamStatus(status int) string {
	switch {
	case isNotThere(status), status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "check realtime_url, and that real-time updates are switched on for the project"
	case status == http.StatusTooManyRequests:
		return "the server wants fewer connections"
	case status >= 500:
		return "the server of realtime_url, or a gateway on the way, is not available at the moment"
	default:
		return "check realtime_url"
	}
}

// noticed calls read whenever something was read from the Reader.
type noticed struct {
	io.Reader
	read func()
}

func (n noticed) Read(b []byte) (int, error) {
	read, err := n.Reader.Read(b)
	if read > 0 {
		n.read()
	}
	return read, err
}

var (
	errNoStream = errors.New("the server of realtime_url did not answer in time")
	errSilent   = errors.New("the stream has been silent for too long")
	errAged     = errors.New("the stream has been open for long enough")
)

// between returns a random time from least up to most.
func between(least, most time.Duration) time.Duration {
	return least + time.Duration(rand.Float64()*float64(most-least))
}

// causeOr returns why ctx ended, if it did, else err.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
