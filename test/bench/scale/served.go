package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// serveTimeout bounds the time until a changed document is served.
const serveTimeout = 2 * time.Minute

// waitServed waits until answers have the document of that time, and returns when
// upstream sent it.
func waitServed(ctx context.Context, address string, sent <-chan lab.Sending, updatedAt time.Time) (lab.Sending, error) {
	var sending lab.Sending
	select {
	case sending = <-sent:
	case <-ctx.Done():
		return sending, ctx.Err()
	case <-time.After(serveTimeout):
		return sending, fmt.Errorf("the proxy did not fetch the document within %s", serveTimeout)
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1/flags/?feature=feature_007", nil)
	if err != nil {
		return sending, err
	}
	request.Header.Set("X-Environment-Key", profile.ClientKey)
	for time.Since(sending.Ended) < serveTimeout {
		response, err := client.Do(request)
		if err != nil {
			return sending, err
		}
		_ = response.Body.Close()
		if at, err := strconv.ParseFloat(response.Header.Get("X-Flagsmith-Document-Updated-At"), 64); err == nil && int64(at) == updatedAt.Unix() {
			return sending, nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return sending, err
		}
	}
	return sending, fmt.Errorf("the document was not served within %s", serveTimeout)
}
