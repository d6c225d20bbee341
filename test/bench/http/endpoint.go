package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const serverKey = "ser.bench-0123456789"

// endpoint is one kind of request.
type endpoint struct {
	name    string
	request lab.Request
	goal    float64 // lowest ratio to the bare handler
}

func endpoints() []endpoint {
	client := [2]string{"X-Environment-Key", profile.ClientKey}
	server := [2]string{"X-Environment-Key", serverKey}
	zipped := [2]string{"Accept-Encoding", "gzip"}
	jsonBody := [2]string{"Content-Type", "application/json"}
	get := func(target string, header ...[2]string) lab.Request {
		return lab.Request{Method: http.MethodGet, Target: target, Header: header}
	}
	post := func(identities int) lab.Request {
		r := lab.Request{Method: http.MethodPost, Target: "/api/v1/identities/", Header: [][2]string{client, jsonBody}}
		for i := range identities {
			r.Bodies = append(r.Bodies, profile.IdentityBody(fmt.Sprintf("user-%04d", i)))
		}
		return r
	}
	return []endpoint{
		{"flags", get("/api/v1/flags/", client), 0.90},
		{"flags-gzip", get("/api/v1/flags/", client, zipped), 0.90},
		{"feature", get("/api/v1/flags/?feature=feature_007", client), 0.90},
		{"document", get("/api/v1/environment-document", server), 0.90},
		{"document-gzip", get("/api/v1/environment-document", server, zipped), 0.90},
		{"identities", post(1), 0.75},
		{"identities-1000", post(1000), 0.75}, // as many different ones: more than a cache holds
		{"identity-get", get("/api/v1/identities/?identifier=user-0000", client), 0.85},
	}
}

// answer is the proxy's answer to a request, as it came over the wire.
type answer struct {
	body     []byte
	encoding string
}

func ask(ctx context.Context, address string, r lab.Request) (answer, error) {
	var body io.Reader
	if len(r.Bodies) > 0 {
		body = strings.NewReader(r.Bodies[0])
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, "http://"+address+r.Target, body)
	if err != nil {
		return answer{}, err
	}
	for _, h := range r.Header {
		request.Header.Set(h[0], h[1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var got bytes.Buffer
	if _, err := got.ReadFrom(response.Body); err != nil {
		return answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s %s: %s: %s", r.Method, r.Target, response.Status, got.String())
	}
	return answer{got.Bytes(), response.Header.Get("Content-Encoding")}, nil
}
