package adminapi

import (
	"encoding/json"
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
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// refuse answers with an error: what is wrong, what is allowed and what to do.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"error": domain.RedactServerKeys(message)})
}

// text writes a text of one or more lines.
func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
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
