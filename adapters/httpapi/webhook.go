package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/uptrace/bunrouter"
)

var errSignature = refused(http.StatusUnauthorized, "unauthorized", "missing or wrong X-Flagsmith-Signature header")

// postWebhook accepts Flagsmith's call about a change and starts to fetch the documents.
// X-Flagsmith-Signature is the hex HMAC-SHA256 of the body (docs/spec/upstream.md#webhook).
// The content of the body is ignored, because it has no environment's key.
func (a *API) postWebhook(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	body, err := a.readBody(w, r.Request, s)
	if err != nil {
		a.counters.webhooks.add(webhookMalformed)
		return err
	}
	signature, err := hex.DecodeString(r.Header.Get("X-Flagsmith-Signature"))
	if err != nil {
		a.counters.webhooks.add(webhookBadSignature)
		return errSignature
	}
	mac := hmac.New(sha256.New, []byte(a.o.Webhook.Secret()))
	mac.Write([]byte(body))
	if !hmac.Equal(signature, mac.Sum(nil)) {
		a.counters.webhooks.add(webhookBadSignature)
		return errSignature
	}
	a.counters.webhooks.add(webhookAccepted)
	a.o.Webhook.Refresh(r.Request)
	return a.writeJSON(w, r.Request, http.StatusOK, []byte(`{"status":"ok"}`))
}
