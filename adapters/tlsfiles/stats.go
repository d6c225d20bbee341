package tlsfiles

import (
	"sync/atomic"
	"time"
)

// Reason is why a handshake failed.
type Reason int

// The reasons.
const (
	Protocol          Reason = iota // no common version or cipher, or what came is not TLS
	Certificate                     // the client refused the certificate of the server
	ClientCertificate               // the client sent no certificate, or one that was refused
	Timeout                         // the client took too long
	Other                           // the connection ended, such as that of a port check
	numReasons
)

// String returns the reason as metrics and logs name it.
func (r Reason) String() string {
	return [numReasons]string{"protocol", "certificate", "client_certificate", "timeout", "other"}[r]
}

// Reasons returns all reasons.
func Reasons() []Reason { return []Reason{Protocol, Certificate, ClientCertificate, Timeout, Other} }

// Stats are the counts of a Server since it was opened.
type Stats struct {
	NotAfter time.Time // the end of validity of the certificate that is served
	// Reloaded and Failed count reloads that replaced the certificates and that changed
	// nothing.
	Reloaded, Failed int64
	// HandshakeErrors counts failed handshakes by Reason.
	HandshakeErrors [numReasons]int64
}

type counters struct {
	reloaded, failed atomic.Int64
	handshakes       [numReasons]atomic.Int64
}

// Stats returns the counts at this time.
func (s *Server) Stats() Stats {
	stats := Stats{NotAfter: leafOf(s.current.Load()).NotAfter, Reloaded: s.stats.reloaded.Load(), Failed: s.stats.failed.Load()}
	for i := range stats.HandshakeErrors {
		stats.HandshakeErrors[i] = s.stats.handshakes[i].Load()
	}
	return stats
}
