package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestWebhook(t *testing.T) {
	const secret, path = "a webhook's secret", "/proxy/webhook"
	sign := func(key, body string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	calls := 0
	api := newAPI(t, func(o *httpapi.Options) {
		o.MaxBodyBytes = 100
		o.Webhook = &httpapi.Webhook{Secret: func() string { return secret }, Refresh: func(*http.Request) { calls++ }}
	})
	const body = `{"event_type":"FLAG_UPDATED"}`
	for name, c := range map[string]struct {
		body, signature string
		status          int
	}{
		"signed":                  {body, sign(secret, body), http.StatusOK},
		"signed, empty":           {"", sign(secret, ""), http.StatusOK},
		"no signature":            {body, "", http.StatusUnauthorized},
		"of another body":         {body, sign(secret, body+" "), http.StatusUnauthorized},
		"by another secret":       {body, sign("x", body), http.StatusUnauthorized},
		"no hexadecimal digits":   {body, "sha256=" + sign(secret, body), http.StatusUnauthorized},
		"half of it":              {body, sign(secret, body)[:32], http.StatusUnauthorized},
		"more than is acceptable": {string(make([]byte, 101)), sign(secret, string(make([]byte, 101))), http.StatusRequestEntityTooLarge},
	} {
		calls = 0
		got := ask(api, http.MethodPost, path, c.body, "X-Flagsmith-Signature: "+c.signature)
		if got.Code != c.status || (calls == 1) != (c.status == http.StatusOK) || calls > 1 {
			t.Errorf("%s: %d and %d refreshes, want %d", name, got.Code, calls, c.status)
		}
	}
	if got := ask(api, http.MethodGet, path, "").Code; got != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got)
	}
	if got := ask(newAPI(t, nil), http.MethodPost, path, body, "X-Flagsmith-Signature: "+sign(secret, body)).Code; got != http.StatusNotFound {
		t.Errorf("switched off: %d", got)
	}
}
