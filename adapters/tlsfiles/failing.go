package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// reasonOf classifies the error of a handshake.
func reasonOf(err error) Reason {
	var (
		verifying *tls.CertificateVerificationError
		unknown   x509.UnknownAuthorityError
		header    tls.RecordHeaderError
		network   *net.OpError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &verifying), errors.As(err, &unknown), strings.Contains(err.Error(), noClientCertificate):
		return ClientCertificate
	case errors.As(err, &network) && network.Op == "remote error":
		return reasonOfAlert(network.Err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.As(err, &header), strings.HasPrefix(err.Error(), "tls: "):
		return Protocol
	}
	return Other
}

// noClientCertificate is in the error of a handshake without the certificate that is
// required. crypto/tls has no type for it; a test notices when the words change.
const noClientCertificate = "client didn't provide a certificate"

// reasonOfAlert classifies what the client reported. Alerts about certificates are 42 to
// 49 but for 47, which is about a parameter (RFC 8446, section 6.2).
func reasonOfAlert(alert error) Reason {
	for code := tls.AlertError(42); code <= 49; code++ {
		if code != 47 && alert.Error() == code.Error() {
			return Certificate
		}
	}
	return Protocol
}

// failing logs failed handshakes: the first of each reason at once, and further ones at
// most once in quiet, with their number. It is safe for concurrent use.
type failing struct {
	logger *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	logged [numReasons]time.Time
	missed [numReasons]int // since then
}

// quiet is the time without a line about the same reason.
const quiet = time.Minute

func (f *failing) report(reason Reason, err error) {
	if reason == Other || reason == Timeout { // port checks, and clients that went away
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if last := f.logged[reason]; !last.IsZero() && now.Sub(last) < quiet {
		f.missed[reason]++
		return
	}
	f.logger.Warn("tls_handshake_failed", "reason", reason.String(), "error", err, "others", f.missed[reason])
	f.logged[reason], f.missed[reason] = now, 0
}
