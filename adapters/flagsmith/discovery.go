package flagsmith

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// maxDiscovered bounds the list of environments in bytes: an environment is some
// 200 of them.
const maxDiscovered = 16 << 20

// Discovery lists the environments that the client's proxy key opens
// (docs/spec/upstream.md#discovery-by-proxy-key). It is safe for concurrent use.
type Discovery struct {
	client *Client
	logger *slog.Logger

	mu   sync.Mutex
	told []string // what was wrong with the last list
}

var _ ports.Discoverer = (*Discovery)(nil)

// NewDiscovery returns the discovery by Options.ProxyKey, which must not be nil.
// What cannot be used of a list is logged once for as long as it stays so.
func (c *Client) NewDiscovery(logger *slog.Logger) *Discovery {
	return &Discovery{client: c, logger: logger}
}

// Discover fetches the list, see ports.Discoverer. The rules by which a list is
// read are those of parseDiscovered.
func (d *Discovery) Discover(ctx context.Context) ([]domain.EnvironmentKeys, error) {
	c := d.client
	var list []domain.EnvironmentKeys
	var problems []string
	err := c.exchange(ctx, request{
		address: c.api.JoinPath("proxy/config/"),
		header:  http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}},
		secret:  http.Header{proxyKeyHeader: {c.proxyKey()}},
	}, func(answer *http.Response) (err error) {
		list, problems, err = c.readDiscovered(answer)
		return err
	})
	if err == nil {
		d.tell(ctx, problems)
	}
	return list, fetchError(ctx, "discovering environments", err)
}

func (c *Client) readDiscovered(answer *http.Response) ([]domain.EnvironmentKeys, []string, error) {
	if answer.StatusCode != http.StatusOK {
		return nil, nil, c.discoveryStatus(answer)
	}
	body, err := readBody(answer, maxDiscovered)
	if isTimeout(err) {
		return nil, nil, c.timedOut(waiting)
	}
	if f := (*failure)(nil); errors.As(err, &f) && f.tooLarge {
		return nil, nil, &failure{status: answer.StatusCode, cause: "check api_url", err: fmt.Errorf("the list of environments is larger than %d bytes", maxDiscovered)}
	}
	if err == nil {
		err = c.checkJSON(answer, body)
	}
	if err != nil {
		return nil, nil, err
	}
	return parseDiscovered(body)
}

// discoveryStatus is the failure that an answer's status is. What a document's
// causes say of server-side keys holds for the proxy key here.
func (c *Client) discoveryStatus(answer *http.Response) *failure {
	f := c.statusFailure(answer)
	if !c.trusts(answer.Request.URL) {
		return f
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		f.cause = "proxy_key is wrong, expired or deleted, or api_url is not the API that it belongs to"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		f.cause = "api_url is probably not the address of a Flagsmith API, or of one that has no discovery by proxy key"
	}
	return f
}

// tell logs what is wrong with a list, unless it was with the one before.
func (d *Discovery) tell(ctx context.Context, problems []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range problems {
		if !slices.Contains(d.told, p) {
			d.logger.WarnContext(ctx, "discovery_problem", "problem", p)
		}
	}
	d.told = problems
}
