package httpapi

import "net/http"

// record returns the access record of an exchange that has ended.
func (a *API) record(x *exchange, r *http.Request) AccessRecord {
	remote, scheme := a.trusted.client(r)
	status := x.status
	if status == 0 { // the handler wrote nothing
		status = http.StatusOK
	}
	sent := x.bytes
	if r.Method == http.MethodHead { // the server drops the body
		sent = 0
	}
	return AccessRecord{
		RemoteAddr: remote,
		Scheme:     scheme,
		Method:     r.Method,
		Path:       requestPath(r),
		Proto:      r.Proto,
		Status:     status,
		Bytes:      sent,
		Start:      x.start,
		Duration:   a.now().Sub(x.start),
	}
}
