package harness

import (
	"io"
	"maps"
	"net/http"
	"strconv"
	"testing"
)

// Operated is a proxy with its admin listener.
type Operated struct {
	*Proxy
	Admin string // the URL of the admin listener, without a slash at the end
}

// StartOperated starts a proxy with an admin listener on a free port of 127.0.0.1 and waits
// until the proxy is ready. It sets admin.port in Config, which may have further settings
// of the listener, so that commands find it there.
func StartOperated(t testing.TB, s Setup) Operated {
	t.Helper()
	port := FreePort(t)
	admin := map[string]any{}
	if settings, ok := s.Config["admin"].(map[string]any); ok {
		maps.Copy(admin, settings)
	}
	admin["port"] = port
	s.Config["admin"] = admin
	scheme := "http"
	if _, secure := admin["tls"]; secure {
		scheme = "https"
	}
	o := Operated{StartProxy(t, s), scheme + "://127.0.0.1:" + strconv.Itoa(port)}
	o.WaitReady(t)
	return o
}

// Ask sends a request without a body and returns the status and the body of the answer.
// headers are names and values in turn.
func Ask(t testing.TB, method, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	return answer.StatusCode, string(body)
}
