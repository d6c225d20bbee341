package flagsmith

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// failure is why a request failed, in the parts that ports.FetchError has.
type failure struct {
	status int
	cause  string
	err    error // never nil

	after    time.Duration // the pause that upstream asks for, or 0
	tooLarge bool          // it is that a body exceeds the limit
	reached  ports.Outcome // see ports.FetchError
}

func (f *failure) Error() string {
	if f.cause == "" {
		return f.err.Error()
	}
	return fmt.Sprintf("%v (%s)", f.err, f.cause)
}

func (f *failure) Unwrap() error { return f.err }

// failureOf returns a copy of the failure that err is, or one without a cause.
func failureOf(err error) *failure {
	if known := (*failure)(nil); errors.As(err, &known) {
		f := *known
		return &f
	}
	return &failure{err: err}
}

// about returns f with a cause about another setting than api_url.
func (f *failure) about(setting string) *failure {
	f.cause = strings.ReplaceAll(f.cause, "api_url", setting)
	return f
}

// fetchError returns the error of a call that err ended: nil for nil, ctx's when it ended,
// else a *ports.FetchError. doing is what failed, "" for fetching a document.
func fetchError(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return failureOf(err).fetchError(doing)
}

// fetchError returns f as an error of ports; doing is what failed, "" for fetching a
// document.
func (f *failure) fetchError(doing string) *ports.FetchError {
	err := f.err
	if f.tooLarge {
		err = tooLargeError{err}
	}
	return &ports.FetchError{Doing: doing, Status: f.status, Cause: f.cause, After: f.after, Reached: f.reached, Err: err}
}

// tooLargeError is a ports.ErrDocumentTooLarge with a text that names the limit.
type tooLargeError struct{ error }

// Is implements what errors.Is calls.
func (tooLargeError) Is(target error) bool { return target == ports.ErrDocumentTooLarge }

func (e tooLargeError) Unwrap() error { return e.error }

// statusFailure returns the failure that a response's status means, and reads its body
// to the end. The failure does not repeat the body, which may hold anything.
func (c *Client) statusFailure(answer *http.Response) *failure {
	begin, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	drain(answer.Body)
	f := &failure{status: answer.StatusCode, after: retryAfter(answer.Header), err: fmt.Errorf("upstream answered %d", answer.StatusCode)}
	from := answer.Request.URL
	switch {
	case answer.StatusCode == http.StatusBadRequest && from.Scheme == "http" && wantsTLS(string(begin)):
		f.cause = "that port expects TLS: api_url should perhaps begin with https://"
	case (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden) && !c.trusts(from):
		f.cause = fmt.Sprintf("api_url redirects to %s, where keys are not sent: set api_url to that address if it is right", show(from))
	case isNotThere(answer.StatusCode) && !c.isBelow(from):
		f.cause = fmt.Sprintf("upstream redirects to a path outside of api_url: a gateway on the way perhaps leaves out the prefix of %s", c.api.Path)
	default:
		f.cause = causeOfStatus(answer.StatusCode, answer.Header)
	}
	return f
}

// wantsTLS reports whether a response of status 400 is that of a port for HTTPS. Go,
// nginx and Apache say so in words.
func wantsTLS(body string) bool {
	return strings.Contains(body, "HTTPS server") || strings.Contains(body, "HTTPS port") || strings.Contains(body, "SSL-enabled server port")
}

// isNotThere reports whether a status means that nothing is at the address.
func isNotThere(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone
}

func causeOfStatus(status int, header http.Header) string {
	switch {
	case status == http.StatusForbidden:
		return "the server-side key is wrong, expired, deleted or not a server-side key, or api_url is not the API that the key belongs to;" +
			" when self-hosting, the project must also be allowed to serve environment documents"
	case status == http.StatusUnauthorized:
		return "the server-side key is not accepted, or something in front of the API wants a login of its own"
	case isNotThere(status):
		return "api_url is probably not the address of a Flagsmith API, which commonly ends in /api/v1"
	case status == http.StatusProxyAuthRequired:
		return causeOfProxyStatus(status)
	case status == http.StatusTooManyRequests:
		return "upstream wants fewer requests" + wait(header) + ": raise api_poll_frequency_seconds or share one store among the nodes"
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return "the API, or a gateway on the way, is not available at the moment" + wait(header)
	case status >= 500:
		return "the API has failed; its own log says why"
	case status >= 300 && status < 400:
		return "check api_url"
	default:
		return ""
	}
}

// wait repeats a Retry-After that is understood.
func wait(header http.Header) string {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return fmt.Sprintf(" and asks to wait %d s", seconds)
	}
	if at, err := http.ParseTime(text); err == nil {
		return " and asks to wait until " + at.UTC().Format(time.RFC3339)
	}
	return ""
}

// retryAfter returns the pause that Retry-After asks for, or 0.
func retryAfter(header http.Header) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
