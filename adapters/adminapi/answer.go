package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", " ")
	if err != nil { // v is made of plain values: cannot be
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written"}`)
	}
	write(w, status, "application/json", append(body, '\n'))
}

// write answers with a whole body.
func write(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// document answers with a document, with the server-side keys masked. digest is that of the
// document in hexadecimal.
func document(w http.ResponseWriter, r *http.Request, body []byte, digest string, updated time.Time) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("ETag", `"`+digest[:32]+`"`)
	h.Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", updated, bytes.NewReader([]byte(domain.RedactServerKeys(string(body)))))
}

// refuseError answers why something failed: a *Refusal, or message for an error that is logged.
func (a *API) refuseError(w http.ResponseWriter, r *http.Request, action, message string, err error) {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		refuse(w, refusal.Status, refusal.Text)
		return
	}
	a.o.Logger.ErrorContext(r.Context(), "admin_action_failed", "action", action, "error", domain.RedactServerKeys(err.Error()))
	refuse(w, http.StatusInternalServerError, message)
}

// refuse answers with an error: what is wrong, what is allowed and what to do.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"error": domain.RedactServerKeys(message)})
}

// text writes a text of one or more lines.
func text(w http.ResponseWriter, status int, body string) {
	write(w, status, "text/plain; charset=utf-8", []byte(body))
}

// moment is a time in answers: UTC, to the millisecond; null where it is zero.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// seconds is a duration in answers, such as "1.5s": what time.ParseDuration reads.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + "s"
}
