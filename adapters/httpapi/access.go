package httpapi

import (
	"net/http"
	"strings"
	"time"
)

// record returns the access record of an exchange that has ended, and how long it took.
func (a *API) record(x *exchange, r *http.Request, took time.Duration) AccessRecord {
	remote, scheme := a.o.TrustedPeers.client(r)
	return AccessRecord{
		RemoteAddr: remote,
		Scheme:     scheme,
		Method:     r.Method,
		Path:       requestPath(r),
		Proto:      r.Proto,
		Status:     x.finalStatus(),
		Bytes:      x.sent(r),
		Start:      x.start,
		Duration:   took,

		Environment: x.environment,
		RequestID:   redact(requestID(r)),
		TraceID:     traceID(r),
		UserAgent:   redact(first(r.Header["User-Agent"])),
	}
}

// first returns the first of values, or "".
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// kept returns r without parts of the request's memory, for use after the request.
func (r AccessRecord) kept() AccessRecord {
	for _, text := range []*string{&r.RemoteAddr, &r.Method, &r.Path, &r.Environment, &r.RequestID, &r.UserAgent} {
		*text = strings.Clone(*text)
	}
	return r
}
