package flagsmith

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/edge-proxy/edge-proxy/ports"
)

// classify returns the outcome of a request to address that err left without a response,
// and the likely cause, or "".
func (c *Client) classify(err error, address *url.URL) (outcome ports.Outcome, cause string) {
	var (
		operation *net.OpError
		name      *net.DNSError
		record    tls.RecordHeaderError
	)
	text := err.Error()
	isOperation := errors.As(err, &operation)
	switch certificate := c.causeOfCertificate(err); {
	case isOperation && (operation.Op == "proxyconnect" || strings.HasPrefix(operation.Op, "socks")):
		return ports.OutcomeProxy, "the forward proxy cannot be reached or refuses: check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
	case errors.As(err, &name) && name.IsNotFound:
		return ports.OutcomeDNS, "the host's name cannot be resolved, since DNS does not know it: check api_url"
	case errors.As(err, &name):
		return ports.OutcomeDNS, "the host's name cannot be resolved, since DNS failed: check the name server of this machine, and api_url"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ports.OutcomeRefused, "nothing listens there: check api_url and that the API runs"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ports.OutcomeRefused, "the host cannot be reached from here: check the network, or whether a forward proxy is needed"
	case certificate != "":
		return ports.OutcomeTLS, certificate
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return ports.OutcomeTLS, "that port does not speak TLS: api_url should perhaps begin with http://"
	case address.Scheme == "http" && strings.Contains(text, `malformed HTTP response "\x15\x03`): // an alert of TLS
		return ports.OutcomeInvalid, "that port expects TLS: api_url should perhaps begin with https://"
	case strings.Contains(text, "malformed HTTP") || strings.Contains(text, "malformed MIME header"):
		return ports.OutcomeInvalid, "what listens there does not speak HTTP: check api_url"
	case isOperation && (operation.Op == "remote error" || operation.Op == "local error"): // alerts of TLS
		return ports.OutcomeTLS, causeOfAlert(text)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return ports.OutcomeRefused, "the connection was closed before there was an answer"
	default:
		return ports.OutcomeInvalid, ""
	}
}

// causeOfAlert returns the cause of an alert of TLS.
func causeOfAlert(text string) string {
	switch {
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		return "the other side wants a client certificate, which this proxy does not have"
	case strings.Contains(text, "unrecognized name"):
		return "the other side does not know the host's name: check api_url"
	default:
		return "the other side and this one cannot agree on a TLS connection: it is perhaps limited to insecure versions or ciphers"
	}
}

// causeOfProxyStatus returns the cause of a forward proxy's refusal to connect.
func causeOfProxyStatus(status int) string {
	switch {
	case status == http.StatusProxyAuthRequired:
		return "the forward proxy wants a user name and a password: put them into HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
	case status >= 500:
		return "the forward proxy cannot reach upstream: check that it can resolve the host of api_url and connect to it"
	default:
		return "the forward proxy does not let the request through: check its rules, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
	}
}
