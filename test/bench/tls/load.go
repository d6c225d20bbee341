package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

// certificate is the certificate of both sides, and its key, as files.
type certificate struct{ cert, key string }

// newCertificate makes a certificate on P-256, which signs fastest, for both sides.
func newCertificate(ctx context.Context, directory string) (certificate, error) {
	c := certificate{filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")}
	out, err := exec.CommandContext(ctx, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
		"-keyout", c.key, "-out", c.cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1").CombinedOutput()
	if err != nil {
		return certificate{}, fmt.Errorf("openssl req: %w\n%s", err, out)
	}
	return c, nil
}

// firstAnswer returns the body that the proxy answers with, once it is ready.
func firstAnswer(ctx context.Context, address string, request lab.Request) (string, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}}
	defer client.CloseIdleConnections()
	for limit := time.Now().Add(30 * time.Second); ; {
		r, err := http.NewRequestWithContext(ctx, request.Method, "https://"+address+request.Target, nil)
		if err != nil {
			return "", err
		}
		for _, h := range request.Header {
			r.Header.Set(h[0], h[1])
		}
		response, err := client.Do(r)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil:
			return "", err
		case response.StatusCode == http.StatusOK:
			return string(body), nil
		case time.Now().After(limit):
			return "", fmt.Errorf("answered %s", response.Status)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// connections finds how many connections openssl made.
var connections = regexp.MustCompile(`(\d+) connections in (\d+) real seconds`)

// handshakes makes full handshakes one after another, each on a new connection.
func handshakes(ctx context.Context, address string, duration time.Duration) (n int64, rate float64, err error) {
	seconds := strconv.Itoa(max(1, int(duration.Seconds())))
	out, err := exec.CommandContext(ctx, "taskset", "-c", loadCore, "openssl", "s_time", "-connect", address, "-new", "-time", seconds).CombinedOutput()
	found := connections.FindSubmatch(out)
	if err != nil || found == nil {
		return 0, 0, fmt.Errorf("openssl s_time: %w\n%.500s", err, out)
	}
	n, err = strconv.ParseInt(string(found[1]), 10, 64)
	return n, float64(n) / max(1, duration.Seconds()), err
}
