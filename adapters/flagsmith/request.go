package flagsmith

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

// maxRedirects is how many redirects one request follows.
const maxRedirects = 10

// request is a request and what it carries.
type request struct {
	address *url.URL
	header  http.Header // goes wherever redirects lead
	secret  http.Header // goes to the configured origin only
	method  string      // "" is GET
	body    []byte      // goes to the configured origin only; nil: none
}

// get sends a request of any method and follows its redirects, unless one must not be
// followed. The caller closes the response's body; the response's Request has the
// address that it came from. Errors are failures, without secrets of the request.
func (c *Client) get(ctx context.Context, r request) (*http.Response, error) {
	address := r.address
	for range maxRedirects + 1 {
		answer, err := c.roundTrip(ctx, address, r)
		if err != nil {
			return nil, err
		}
		if !isRedirect(answer.StatusCode) {
			return answer, nil
		}
		drain(answer.Body)
		_ = answer.Body.Close()
		if address, err = redirection(answer); err != nil {
			return nil, err
		}
		if err := c.mayRepeat(r, answer, address); err != nil {
			return nil, err
		}
	}
	return nil, &failure{err: fmt.Errorf("upstream redirects without end, stopped after %d redirects", maxRedirects), cause: "check api_url"}
}

// exchange sends a request within the time-out of one, and calls read for the response,
// whose body it closes. Errors: get's and read's.
func (c *Client) exchange(ctx context.Context, r request, read func(answer *http.Response) error) error {
	bounded, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	answer, err := c.get(bounded, r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	return read(answer)
}

func (c *Client) roundTrip(ctx context.Context, address *url.URL, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, address.String(), body)
	if err != nil {
		return nil, &failure{err: errors.New("upstream's address cannot be requested")}
	}
	q.Header = r.header.Clone()
	q.Header.Set("User-Agent", c.options.UserAgent)
	if c.trusts(address) {
		for name, values := range r.secret {
			q.Header[name] = values
		}
		if c.userinfo != nil {
			password, _ := c.userinfo.Password()
			q.SetBasicAuth(c.userinfo.Username(), password)
		}
	}
	var reached stage
	// Not through an http.Client: that would follow redirects, and its errors
	// repeat addresses.
	answer, err := c.connections.RoundTrip(reached.watch(q))
	if err != nil {
		return nil, c.transportFailure(err, q, reached.step())
	}
	return answer, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirection returns where a redirect leads. One from https down to http is
// refused: anybody on the way could write the document.
func redirection(answer *http.Response) (*url.URL, error) {
	from := answer.Request.URL
	refuse := func(cause, format string, args ...any) (*url.URL, error) {
		return nil, &failure{status: answer.StatusCode, cause: cause, err: fmt.Errorf(format, args...)}
	}
	location := answer.Header.Get("Location")
	if location == "" {
		return refuse("check api_url", "upstream answered %d without saying where to", answer.StatusCode)
	}
	to, err := from.Parse(location)
	if err != nil || to.Hostname() == "" || to.Scheme != "http" && to.Scheme != "https" {
		return refuse("check api_url", "upstream answered %d with an address that is not an HTTP address", answer.StatusCode)
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	if from.Scheme == "https" && to.Scheme == "http" {
		return refuse("set api_url to where the API really is; behind TLS termination, tell the API its public address",
			"upstream redirects from https to unprotected %s, which is not followed", show(to))
	}
	return to, nil
}

// mayRepeat returns an error unless a request may be sent again to where answer
// redirects. A request without a body may. One with a body keeps its method, which 303
// forbids, and goes to the configured origin only.
func (c *Client) mayRepeat(r request, answer *http.Response, to *url.URL) error {
	switch {
	case r.body == nil:
		return nil
	case answer.StatusCode == http.StatusSeeOther:
		return &failure{status: answer.StatusCode, cause: "check api_url", err: errors.New("upstream answered 303 to a report")}
	case !c.trusts(to):
		return &failure{
			status: answer.StatusCode,
			cause:  "set api_url to that address if it is right",
			err:    fmt.Errorf("upstream redirects to %s, where reports are not sent", show(to)),
		}
	}
	return nil
}

// transportFailure returns why a request got no response.
func (c *Client) transportFailure(err error, q *http.Request, reached step) error {
	if known := (*failure)(nil); errors.As(err, &known) {
		return known
	}
	if isTimeout(err) {
		failed := c.timedOut(reached)
		if reached <= connecting && c.proxies.choose(q.URL) != nil {
			failed.cause = "the forward proxy does not answer: check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
			failed.reached = ports.OutcomeProxy
		}
		return failed
	}
	outcome, cause := c.classify(err, q.URL)
	return &failure{cause: cause, reached: outcome, err: fmt.Errorf("asking %s: %w", show(q.URL), withoutSecrets(err, q))}
}

// withoutSecrets returns err, an error of net/http for q, or another error in its place
// when its text has a secret of q: some errors repeat what the other side sent, which
// may be a part of the request.
func withoutSecrets(err error, q *http.Request) error {
	text := err.Error()
	for _, name := range []string{environmentKeyHeader, proxyKeyHeader, "Authorization"} {
		if secret := q.Header.Get(name); secret != "" && strings.Contains(text, secret) {
			return errors.New("upstream did not answer with HTTP")
		}
	}
	return err
}

// isTimeout reports whether the time of a request, a dial or a handshake has ended.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// timedOut is the failure of a request whose time ended at a step. New requests use
// new connections from then on.
func (c *Client) timedOut(reached step) *failure {
	c.connections.renew()
	// The error of the request's own context stays out of the chain: it would
	// look as if the caller's context had ended.
	return &failure{
		cause:   reached.cause(),
		reached: ports.OutcomeTimeout,
		err:     fmt.Errorf("no complete answer from %s within %v, the limit that api_poll_timeout_seconds sets", show(c.api), c.options.Timeout),
	}
}

// drain reads the rest of a small body, so that its connection can be used again.
func drain(body io.Reader) {
	const enough = 64 << 10
	_, _ = io.CopyN(io.Discard, body, enough)
}
