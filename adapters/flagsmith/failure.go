package flagsmith

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// failure is why a request failed, in the parts that ports.FetchError has.
type failure struct {
	status int
	cause  string
	err    error // never nil

	after    time.Duration // the pause that upstream asks for, or 0
	tooLarge bool          // it is that a body exceeds the limit
}

func (f *failure) Error() string {
	if f.cause == "" {
		return f.err.Error()
	}
	return fmt.Sprintf("%v (%s)", f.err, f.cause)
}

func (f *failure) Unwrap() error { return f.err }

// statusFailure is the failure that an answer's status is. Its body is not
// repeated: nobody knows what is in it.
func (c *Client) statusFailure(answer *http.Response) *failure {
	f := &failure{status: answer.StatusCode, err: fmt.Errorf("upstream answered %d", answer.StatusCode)}
	from := answer.Request.URL
	refused := answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden
	if refused && !c.trusts(from) {
		f.cause = fmt.Sprintf("api_url redirects to %s, where keys are not sent: set api_url to that address if it is right", show(from))
	} else {
		f.cause = causeOfStatus(answer.StatusCode, answer.Header)
	}
	return f
}

func causeOfStatus(status int, header http.Header) string {
	switch {
	case status == http.StatusForbidden:
		return "the server-side key is wrong, expired, deleted or not a server-side key, or api_url is not the API that the key belongs to;" +
			" when self-hosting, the project must also be allowed to serve environment documents"
	case status == http.StatusUnauthorized:
		return "the server-side key is not accepted, or something in front of the API wants a login of its own"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone:
		return "api_url is probably not the address of a Flagsmith API, which commonly ends in /api/v1"
	case status == http.StatusProxyAuthRequired:
		return causeOfProxyStatus(status)
	case status == http.StatusTooManyRequests:
		return "upstream wants fewer requests" + wait(header) + ": raise api_poll_frequency_seconds or share one store among the nodes"
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return "the API, or a gateway on the way, is not available at the moment" + wait(header)
	case status >= 500:
		return "the API has failed; its own log says why"
	case status >= 300 && status < 400:
		return "check api_url"
	default:
		return ""
	}
}

// wait repeats a Retry-After that is understood.
func wait(header http.Header) string {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return fmt.Sprintf(" and asks to wait %d s", seconds)
	}
	if at, err := http.ParseTime(text); err == nil {
		return " and asks to wait until " + at.UTC().Format(time.RFC3339)
	}
	return ""
}

// retryAfter returns the pause that Retry-After asks for, or 0.
func retryAfter(header http.Header) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func causeOfProxyStatus(status int) string {
	if status == http.StatusProxyAuthRequired {
		return "the forward proxy wants a user name and a password: put them into HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
	}
	return "the forward proxy does not let the request through: check its rules, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
}

// causeOf guesses why there is no answer.
func causeOf(err error) string {
	var (
		operation *net.OpError
		name      *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		verifying *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &operation) && (operation.Op == "proxyconnect" || strings.HasPrefix(operation.Op, "socks")):
		return "the forward proxy cannot be reached or refuses: check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
	case errors.As(err, &name):
		return "the host's name cannot be resolved: check api_url and DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check api_url and that the API runs"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the host: check the network, or whether a forward proxy is needed"
	case errors.As(err, &authority):
		return "the certificate comes from an authority that is not trusted here: add it to the system's, or name its file in SSL_CERT_FILE"
	case errors.As(err, &hostname):
		return "the certificate is for another host: check api_url"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is not valid at this time: renew it, or set the clock"
	case errors.As(err, &verifying), errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "there is no TLS at that port: api_url should perhaps begin with http://"
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"): // alerts of TLS
		return "the other side and this one agree on no TLS connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed before there was an answer"
	default:
		return ""
	}
}
