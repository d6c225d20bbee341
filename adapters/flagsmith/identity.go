package flagsmith

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// identitiesPath is where flags of identities are, from the address of a version of
	// the API.
	identitiesPath = "identities/"
	// maxIdentityAnswer bounds the flags of one identity, in bytes.
	maxIdentityAnswer = 16 << 20
)

// KnownIdentity returns the API's answer about an identity that it knows: its traits and
// flags, as JSON. It asks as an application does, with the client-side key. Flagsmith
// stores an identity that it did not know. Errors: ctx's when it ended; otherwise a
// *ports.FetchError.
func (c *Client) KnownIdentity(ctx context.Context, key domain.EnvironmentKey, identifier string) ([]byte, error) {
	address := c.api.JoinPath(identitiesPath)
	address.RawQuery = url.Values{"identifier": {identifier}}.Encode()
	return c.askIdentity(ctx, key, request{address: address})
}

// PassingIdentity is KnownIdentity for the identity in body, the body of a request for
// /identities. For Flagsmith to store nothing, it says "transient": true.
func (c *Client) PassingIdentity(ctx context.Context, key domain.EnvironmentKey, body []byte) ([]byte, error) {
	return c.askIdentity(ctx, key, request{address: c.api.JoinPath(identitiesPath), method: http.MethodPost, body: body})
}

func (c *Client) askIdentity(ctx context.Context, key domain.EnvironmentKey, r request) (body []byte, err error) {
	r.header = http.Header{"Accept": {"application/json"}}
	if r.body != nil {
		r.header.Set("Content-Type", "application/json")
	}
	r.secret = http.Header{environmentKeyHeader: {string(key)}}
	err = c.exchange(ctx, r, func(answer *http.Response) (err error) {
		if answer.StatusCode != http.StatusOK {
			f := c.statusFailure(answer)
			if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
				f.cause = "the client-side key is wrong, or api_url is not the API that it belongs to"
			}
			return f
		}
		body, err = io.ReadAll(io.LimitReader(answer.Body, maxIdentityAnswer+1))
		if err == nil && len(body) > maxIdentityAnswer {
			err = fmt.Errorf("the answer is larger than %d bytes", maxIdentityAnswer)
		}
		return err
	})
	if err != nil {
		return nil, fetchError(ctx, "asking for an identity", err)
	}
	return body, nil
}
