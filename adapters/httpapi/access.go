package httpapi

import "net/http"

// record describes an exchange that is over.
func (a *API) record(x *exchange, r *http.Request) AccessRecord {
	remote, scheme := a.trusted.client(r)
	status := x.status
	if status == 0 { // what a handler that wrote nothing is answered for
		status = http.StatusOK
	}
	sent := x.bytes
	if r.Method == http.MethodHead { // the server takes the body and drops it
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
