package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// maxCall is the largest body of an action, in bytes.
	maxCall = 1 << 20
	// maxAuthor and maxReason are how much of an author's name and of a reason is kept,
	// in bytes.
	maxAuthor, maxReason = 100, 500
	// AuthorHeader names who acts, for the records.
	AuthorHeader = "X-Author"
)

// Result is what came of an action.
type Result string

// The results.
const (
	Done    Result = "done"
	Refused Result = "refused" // the caller has to change something
	Failed  Result = "failed"
)

// Call is one request for an action.
type Call struct {
	// Author is who says to act: AuthorHeader, else the address of the client. Nobody
	// has checked it.
	Author string
	// Reason is the member "reason" of the body; "" without one.
	Reason  string
	body    []byte
	request *http.Request
}

// Path returns a part of the path, as http.Request.PathValue does.
func (c *Call) Path(name string) string { return c.request.PathValue(name) }

// Body returns the request's body as it was sent.
func (c *Call) Body() []byte { return c.body }

// Decode reads the body, a JSON object, into v. An empty body is an empty object. The
// error is a *Refusal that says which member is wrong; the member "reason" is known to
// every action.
func (c *Call) Decode(v any) error {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(c.object(), &members); err != nil {
		return badCall(err)
	}
	delete(members, "reason")
	rest, err := json.Marshal(members)
	if err != nil {
		return badCall(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return badCall(err)
	}
	return nil
}

func (c *Call) object() []byte {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return []byte("{}")
	}
	return c.body
}

func badCall(err error) error {
	return &Refusal{http.StatusBadRequest, "the body must be a JSON object that this action takes: " + err.Error()}
}

// Refusal is why an action was not done, for its caller. The text has no secret.
type Refusal struct {
	Status int // of the answer, 400 to 599
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// forActors lets requests for an action through that have the token, does the action,
// and records who did what and why.
func (a *API) forActors(action Action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy := a.o.Policy()
		switch {
		case policy.ReadOnly && !action.ReadsOnly:
			refuse(w, http.StatusNotFound, "the admin listener is read-only: admin.read_only is set")
		case !hasToken(r, policy.Token, false):
			w.Header().Set("WWW-Authenticate", `Bearer realm="edge-proxy"`)
			hint := "this action needs admin.token as a bearer token"
			if policy.Token == "" {
				hint += "; it is not set"
			}
			refuse(w, http.StatusUnauthorized, hint)
		default:
			a.act(w, r, action)
		}
	})
}

func (a *API) act(w http.ResponseWriter, r *http.Request, action Action) {
	call, err := newCall(w, r)
	var result any
	if err == nil {
		result, err = action.Do(r.Context(), call)
	}
	if !action.ReadsOnly {
		a.record(r, action, call, err)
	}
	if err != nil {
		a.refuseError(w, r, action.Name, "the action failed; the log says why", err)
		return
	}
	answer(w, http.StatusOK, result)
}

func newCall(w http.ResponseWriter, r *http.Request) (*Call, error) {
	call := &Call{Author: oneLine(r.Header.Get(AuthorHeader), maxAuthor), request: r}
	if call.Author == "" {
		call.Author = r.RemoteAddr
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return call, &Refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxCall)}
	case err != nil:
		return call, &Refusal{http.StatusBadRequest, "the body did not arrive whole"}
	}
	call.body = body
	var known struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(call.object(), &known) == nil { // else Decode reports it
		call.Reason = oneLine(known.Reason, maxReason)
	}
	return call, nil
}

// record logs an action, counts it and adds it to the events.
func (a *API) record(r *http.Request, action Action, call *Call, err error) {
	result := Done
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		result = Refused
	case err != nil:
		result = Failed
	}
	environment := domain.EnvironmentKey("")
	if key := r.PathValue("key"); key != "" {
		if entry, known := a.app.Snapshot().Lookup(key); known {
			environment = entry.Key
		}
	}
	list := []any{"action", action.Name, "result", string(result), "author", call.Author, "client", r.RemoteAddr}
	if environment != "" {
		list = append(list, "client_side_key", string(environment))
	}
	message := fmt.Sprintf("%s: %s, by %s", action.Name, result, call.Author)
	if call.Reason != "" {
		list = append(list, "reason", call.Reason)
		message += ": " + call.Reason
	}
	if refusal != nil {
		list = append(list, "error", domain.RedactServerKeys(refusal.Text))
	}
	a.o.Logger.WarnContext(context.WithoutCancel(r.Context()), "admin_action", list...)
	a.app.Recent().Add("admin_action", environment, message)
	if a.o.Acted != nil {
		a.o.Acted(action.Name, result)
	}
}

// oneLine returns the printable part of a text, at most `most` bytes, without keys.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, !unicode.IsPrint(r) && r != '\t':
			return -1
		case r == '\t':
			return ' '
		}
		return r
	}, text)
	text = domain.RedactServerKeys(strings.TrimSpace(text))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
