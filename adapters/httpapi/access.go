package httpapi

import "net/http"

// record returns the access record of an exchange that has ended.
func (a *API) record(x *exchange, r *http.Request) AccessRecord {
	remote, scheme := a.trusted.client(r)
	return AccessRecord{
		RemoteAddr: remote,
		Scheme:     scheme,
		Method:     r.Method,
		Path:       requestPath(r),
		Proto:      r.Proto,
		Status:     x.finalStatus(),
		Bytes:      x.sent(r),
		Start:      x.start,
		Duration:   a.now().Sub(x.start),
	}
}
