package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/test/harness/profile"
)

// serveTimeout bounds how long a changed document may take until it is served.
const serveTimeout = 2 * time.Minute

// waitServed waits until answers are about the document of that time, and returns
// how long that was after upstream had sent it.
func waitServed(ctx context.Context, address string, sent <-chan time.Time, updatedAt time.Time) (time.Duration, error) {
	var complete time.Time
	select {
	case complete = <-sent:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(serveTimeout):
		return 0, fmt.Errorf("the proxy did not fetch the document within %s", serveTimeout)
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1/flags/?feature=feature_007", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-Environment-Key", profile.ClientKey)
	for time.Since(complete) < serveTimeout {
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		_ = response.Body.Close()
		if at, err := strconv.ParseFloat(response.Header.Get("X-Flagsmith-Document-Updated-At"), 64); err == nil && int64(at) == updatedAt.Unix() {
			return time.Since(complete), nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("the document was not served within %s", serveTimeout)
}
