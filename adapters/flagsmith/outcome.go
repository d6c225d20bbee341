package flagsmith

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/edge-proxy/edge-proxy/ports"
)

// outcomeOf returns the outcome of a request that err left without a response.
func outcomeOf(err error) ports.Outcome {
	var (
		operation   *net.OpError
		name        *net.DNSError
		record      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
	)
	isOperation := errors.As(err, &operation)
	switch {
	case isOperation && (operation.Op == "proxyconnect" || strings.HasPrefix(operation.Op, "socks")):
		return ports.OutcomeProxy
	case errors.As(err, &name):
		return ports.OutcomeDNS
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch),
		isOperation && (operation.Op == "remote error" || operation.Op == "local error"): // alerts of TLS
		return ports.OutcomeTLS
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ports.OutcomeRefused
	default:
		return ports.OutcomeInvalid
	}
}
