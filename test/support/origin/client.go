package origin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// clientTimeout bounds a request: no answer of a proxy takes nearly as long.
const clientTimeout = 15 * time.Second

// Client asks proxies. It is safe for concurrent use.
type Client struct{ http *http.Client }

// NewClient returns a Client whose idle connections are closed with the test.
func NewClient(t testing.TB) *Client {
	c := &Client{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: clientTimeout}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// Get asks for a path with an environment's key, "" for none.
func (c *Client) Get(url, path, key string) (status int, body []byte, err error) {
	return c.do(http.MethodGet, url+path, key, nil)
}

func (c *Client) do(method, address, key string, body io.Reader) (int, []byte, error) {
	request, err := http.NewRequest(method, address, body)
	if err != nil {
		return 0, nil, err
	}
	if key != "" {
		request.Header.Set("X-Environment-Key", key)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// Flags asks for an environment's flags.
func (c *Client) Flags(url, key string) (status int, body []byte, err error) {
	return c.Get(url, "/api/v1/flags/", key)
}

// Identity asks for an identity's flags.
func (c *Client) Identity(url, key, identifier string) (status int, body []byte, err error) {
	text, err := json.Marshal(map[string]string{"identifier": identifier})
	if err != nil {
		return 0, nil, err
	}
	return c.do(http.MethodPost, url+"/api/v1/identities/", key, strings.NewReader(string(text)))
}

// Document asks for an environment's document, with its server-side key.
func (c *Client) Document(url, key string) (status int, body []byte, err error) {
	return c.Get(url, "/api/v1/environment-document/", ServerKey(key))
}

// Value returns the value of the flag of an environment whose document is one of
// [Document]. The error says what else the proxy answered.
func (c *Client) Value(url, key string) (string, error) {
	status, body, err := c.Flags(url, key)
	if err != nil {
		return "", err
	}
	var flags []struct {
		Value string `json:"feature_state_value"`
	}
	if err := json.Unmarshal(body, &flags); status != http.StatusOK || err != nil || len(flags) != 1 {
		return "", fmt.Errorf("flags of %s: %d %s", key, status, body)
	}
	return flags[0].Value, nil
}

// Readiness is a proxy's answer about whether it should get traffic.
type Readiness struct {
	Status     int       `json:"-"`
	Reason     string    `json:"reason"`
	LastUpdate time.Time `json:"last_successful_update"`
}

// Readiness asks a proxy whether it should get traffic.
func (c *Client) Readiness(t testing.TB, url string) Readiness {
	t.Helper()
	status, body, err := c.Get(url, "/proxy/health/readiness", "")
	r := Readiness{Status: status}
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		t.Fatalf("readiness: %v: %d %s", err, status, body)
	}
	return r
}
