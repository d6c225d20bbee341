package fakeflagsmith

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// clientTimeout bounds every call of a Client whose context has no earlier end.
const clientTimeout = 30 * time.Second

// Client drives a server through its control API. Its methods are those of [Server].
// It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a Client of the server at base ("http://127.0.0.1:8080").
// It uses no proxy, whatever the environment says.
func NewClient(base string) *Client {
	return &Client{base: base, http: &http.Client{Transport: &http.Transport{}, Timeout: clientTimeout}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// PutEnvironment is [Server.PutEnvironment].
func (c *Client) PutEnvironment(ctx context.Context, e Environment) error {
	query := url.Values{"server_key": e.ServerKeys, "links": {string(e.Links)}, "delay": {durationText(e.Delay)}, "ahead": {durationText(e.Ahead)}}
	if e.PageSize != 0 {
		query.Set("page_size", strconv.Itoa(e.PageSize))
	}
	return c.call(ctx, http.MethodPut, "environments/"+url.PathEscape(e.ClientKey)+"?"+query.Encode(), e.Document, nil)
}

// RemoveEnvironment is [Server.RemoveEnvironment].
func (c *Client) RemoveEnvironment(ctx context.Context, clientKey string) error {
	return c.call(ctx, http.MethodDelete, "environments/"+url.PathEscape(clientKey), nil, nil)
}

// Fail is [Server.Fail].
func (c *Client) Fail(ctx context.Context, target Target, steps ...Failure) error {
	if steps == nil {
		steps = []Failure{}
	}
	return c.send(ctx, http.MethodPut, "failures?"+url.Values{"target": {string(target)}}.Encode(), steps, nil)
}

// Requests is [Server.Requests].
func (c *Client) Requests(ctx context.Context, target Target) ([]Request, error) {
	var requests []Request
	err := c.call(ctx, http.MethodGet, "requests?"+url.Values{"target": {string(target)}}.Encode(), nil, &requests)
	return requests, err
}

// Counters is [Server.Counters].
func (c *Client) Counters(ctx context.Context) (map[Target]Counters, error) {
	var counters map[Target]Counters
	err := c.call(ctx, http.MethodGet, "counters", nil, &counters)
	return counters, err
}

// PutDiscovery is [Server.PutDiscovery].
func (c *Client) PutDiscovery(ctx context.Context, d Discovery) error {
	return c.send(ctx, http.MethodPut, "proxy-config", d, nil)
}

// Usage is [Server.Usage].
func (c *Client) Usage(ctx context.Context) ([]UsageRow, error) {
	var rows []UsageRow
	err := c.call(ctx, http.MethodGet, "usage", nil, &rows)
	return rows, err
}

// Emit is [Server.Emit].
func (c *Client) Emit(ctx context.Context, clientKey, data string) (int, error) {
	var count listenerCount
	err := c.call(ctx, http.MethodPost, "streams/"+url.PathEscape(clientKey), []byte(data), &count)
	return count.Listeners, err
}

// Listeners is [Server.Listeners].
func (c *Client) Listeners(ctx context.Context, clientKey string) (int, error) {
	var count listenerCount
	err := c.call(ctx, http.MethodGet, "streams/"+url.PathEscape(clientKey), nil, &count)
	return count.Listeners, err
}

// EndStreams is [Server.EndStreams].
func (c *Client) EndStreams(ctx context.Context, clientKey string) error {
	return c.call(ctx, http.MethodDelete, "streams/"+url.PathEscape(clientKey), nil, nil)
}

// Reset is [Server.Reset].
func (c *Client) Reset(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "reset", nil, nil)
}

// send is call with a body written as JSON.
func (c *Client) send(ctx context.Context, method, path string, value, into any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("fakeflagsmith: %s: %w", method, err)
	}
	return c.call(ctx, method, path, body, into)
}

// call makes one control request and reads its answer into into, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+"/_control/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("fakeflagsmith: control: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("fakeflagsmith: control: %w", withoutQuery(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("fakeflagsmith: control: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("fakeflagsmith: control answered %s: %s", response.Status, bytes.TrimSpace(text))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("fakeflagsmith: control: %w", err)
	}
	return nil
}

// withoutQuery takes the address out of an error: its query may hold server-side keys.
func withoutQuery(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
