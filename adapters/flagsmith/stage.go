package flagsmith

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// step is a part of a request, in the order in which they come.
type step int32

const (
	begun step = iota
	resolving
	connecting
	shakingHands
	waiting // for the response, or for the rest of it
)

// cause returns the likely cause when a request's time ends at the step.
func (s step) cause() string {
	switch s {
	case resolving:
		return "DNS did not answer in time: check the name server of this machine"
	case connecting:
		return "nothing answers at that address, as when a firewall drops packets: check api_url, the network, and whether a forward proxy is needed"
	case shakingHands:
		return "the other side accepted the connection and did not complete the TLS handshake: check that api_url has the right port"
	default:
		return "upstream or the way there is slow"
	}
}

// stage follows a request through its steps. The zero value has begun.
type stage struct{ reached atomic.Int32 }

func (s *stage) step() step { return step(s.reached.Load()) }

// watch returns q such that s follows it.
func (s *stage) watch(q *http.Request) *http.Request {
	reach := func(reached step) { s.reached.Store(int32(reached)) }
	return q.WithContext(httptrace.WithClientTrace(q.Context(), &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { reach(resolving) },
		ConnectStart:      func(string, string) { reach(connecting) },
		TLSHandshakeStart: func() { reach(shakingHands) },
		GotConn:           func(httptrace.GotConnInfo) { reach(waiting) },
	}))
}
