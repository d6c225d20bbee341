package flagsmith

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith/internal/link"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith/internal/pages"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	environmentKeyHeader = "X-Environment-Key"
	proxyKeyHeader       = "X-Proxy-Key"
)

// documentPath is where documents are, from the address of a version of the API.
const documentPath = "environment-document/"

// maxPages bounds the pages of one document, against an upstream that never
// comes to an end.
const maxPages = 10_000

// page is one answer to a request for a document.
type page struct {
	notModified bool
	body        []byte
	date        time.Time // of the response; zero without one
	from        *url.URL  // where it came from, redirects followed
	next        *url.URL  // the following page, nil after the last
}

// FetchDocument fetches the document of an environment, all its pages, and
// returns it byte for byte as upstream sent it; identity_overrides of further
// pages are put at the end of the first page's. Errors: ctx's when it ended;
// otherwise a *ports.FetchError, one that wraps
// ports.ErrNotModifiedWithoutCondition when upstream answered 304 to a request
// without a condition (that of a further page never has one).
func (c *Client) FetchDocument(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	document, err := c.fetchPages(ctx, r)
	return document, fetchError(ctx, "", err)
}

func (c *Client) fetchPages(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	address := c.api.JoinPath(documentPath)
	first, err := c.fetchPage(ctx, r, address, r.IfModifiedSince)
	if err != nil {
		return ports.Document{}, err
	}
	if first.notModified || first.next == nil {
		return ports.Document{NotModified: first.notModified, Body: first.body, Date: first.date}, nil
	}
	merged, err := pages.Begin(first.body)
	if err != nil {
		return ports.Document{}, onPage(1, &failure{status: http.StatusOK, err: err})
	}
	seen := map[string]bool{address.String(): true, first.from.String(): true}
	for n, next := 2, first.next; next != nil; n++ {
		if n > maxPages {
			return ports.Document{}, &failure{err: fmt.Errorf("the document has more than %d pages", maxPages)}
		}
		if seen[next.String()] {
			return ports.Document{}, onPage(n, &failure{err: errors.New("the pages lead in a circle")})
		}
		seen[next.String()] = true
		p, err := c.fetchPage(ctx, r, next, time.Time{})
		if err != nil {
			return ports.Document{}, onPage(n, err)
		}
		if err := merged.Add(p.body); err != nil {
			return ports.Document{}, onPage(n, &failure{status: http.StatusOK, err: err})
		}
		if int64(merged.Len()) > c.options.MaxDocumentBytes {
			return ports.Document{}, onPage(n, tooLarge(c.options.MaxDocumentBytes))
		}
		next = p.next
	}
	return ports.Document{Body: merged.Document(), Date: first.date}, nil
}

// onPage says on which page a failure happened.
func onPage(n int, err error) error {
	f := failureOf(err)
	f.err = fmt.Errorf("page %d: %w", n, f.err)
	return f
}

// fetchPage fetches one page within the time-out of a request. The request is
// conditional unless condition is zero.
func (c *Client) fetchPage(ctx context.Context, r ports.DocumentRequest, address *url.URL, condition time.Time) (p page, err error) {
	request := request{address: address, header: http.Header{}, secret: http.Header{}}
	request.header.Set("Accept", "application/json")
	request.header.Set("Accept-Encoding", "gzip")
	if !condition.IsZero() {
		// Ends in GMT and has whole seconds: Django takes nothing else.
		request.header.Set("If-Modified-Since", condition.UTC().Format(http.TimeFormat))
	}
	if propagate := c.options.Propagate; propagate != nil {
		propagate(ctx, request.header)
	}
	request.secret.Set(environmentKeyHeader, r.Key.Reveal())
	if key := c.proxyKey(); r.Discovered && key != "" {
		request.secret.Set(proxyKeyHeader, key)
	}

	err = c.exchange(ctx, request, func(answer *http.Response) (err error) {
		p, err = c.readPage(answer, !condition.IsZero())
		return err
	})
	return p, err
}

func (c *Client) readPage(answer *http.Response, conditional bool) (page, error) {
	date, _ := http.ParseTime(answer.Header.Get("Date")) // zero where it cannot be read
	switch {
	case answer.StatusCode == http.StatusNotModified && conditional:
		return page{notModified: true, date: date}, nil
	case answer.StatusCode == http.StatusNotModified:
		return page{}, &failure{status: answer.StatusCode, err: ports.ErrNotModifiedWithoutCondition}
	case answer.StatusCode != http.StatusOK:
		return page{}, c.statusFailure(answer)
	}
	next, err := c.nextPage(answer)
	if err != nil {
		return page{}, err
	}
	body, err := readBody(answer, c.options.MaxDocumentBytes)
	switch {
	case isTimeout(err):
		return page{}, c.timedOut(waiting)
	case err != nil:
		return page{}, err
	}
	return page{body: body, date: date, from: answer.Request.URL, next: next}, c.checkJSON(answer, body)
}

// nextPage returns the address of the page after a response, nil after the last one.
// It has the configured scheme, host, port and path whatever the link says: an API
// behind TLS termination believes that it is reached by plain HTTP, and one behind a
// gateway does not know the gateway's prefix.
func (c *Client) nextPage(answer *http.Response) (*url.URL, error) {
	refuse := func(cause string, err error) (*url.URL, error) {
		return nil, &failure{status: answer.StatusCode, cause: cause, err: err}
	}
	const ofHeader = "a document without its further pages would lack identity overrides"
	target, found, err := link.Next(answer.Header.Values("Link"))
	if err != nil {
		return refuse(ofHeader, err)
	}
	if !found {
		return nil, nil
	}
	next, err := answer.Request.URL.Parse(target)
	if err != nil || next.Scheme != "http" && next.Scheme != "https" {
		return refuse(ofHeader, errors.New("the link to the next page is not an HTTP address"))
	}
	if !strings.EqualFold(next.Hostname(), c.api.Hostname()) {
		return refuse("keys are sent to the configured host only: set api_url to the address that the API has by its own account",
			fmt.Errorf("the link to the next page leads to another host, %s", show(next)))
	}
	next.Scheme, next.Host = c.api.Scheme, c.api.Host
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	if next.Path != answer.Request.URL.Path && !c.isBelow(next) {
		// What counts is the query, which names the page.
		document := c.api.JoinPath(documentPath)
		next.Path, next.RawPath = document.Path, document.RawPath
	}
	return next, nil
}

func (c *Client) proxyKey() string {
	if c.options.ProxyKey == nil {
		return ""
	}
	return c.options.ProxyKey()
}
