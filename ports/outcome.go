package ports

import (
	"errors"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Outcome is the result of a request to upstream, in one word: which metrics, traces and
// the status distinguish.
type Outcome string

// The outcomes of requests to upstream. Those without an HTTP response are what the
// request failed of.
const (
	OutcomeOK           Outcome = "ok"
	OutcomeNotModified  Outcome = "not_modified"
	OutcomeUnauthorized Outcome = "unauthorized" // 401
	OutcomeForbidden    Outcome = "forbidden"    // 403
	OutcomeNotFound     Outcome = "not_found"    // 404, 405, 410
	OutcomeThrottled    Outcome = "throttled"    // 429
	OutcomeServerError  Outcome = "server_error" // 500 to 599
	OutcomeInvalid      Outcome = "invalid"      // a response that cannot be used, or any other failure
	OutcomeTimeout      Outcome = "timeout"
	OutcomeDNS          Outcome = "dns"     // the host's name could not be resolved
	OutcomeRefused      Outcome = "refused" // the connection was refused, or it broke
	OutcomeTLS          Outcome = "tls"
	OutcomeProxy        Outcome = "proxy" // the forward proxy could not be used
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeOK, OutcomeNotModified, OutcomeUnauthorized, OutcomeForbidden, OutcomeNotFound, OutcomeThrottled, OutcomeServerError,
		OutcomeInvalid, OutcomeTimeout, OutcomeDNS, OutcomeRefused, OutcomeTLS, OutcomeProxy,
	}
}

// OutcomeOf returns the outcome of a request that ended with err: OutcomeOK for nil.
func OutcomeOf(err error) Outcome {
	var (
		fetch  *FetchError
		report *ReportError
	)
	switch {
	case err == nil:
		return OutcomeOK
	case errors.Is(err, domain.ErrUnusable):
		return OutcomeInvalid
	case errors.As(err, &fetch):
		return outcomeOf(fetch.Status, fetch.Reached)
	case errors.As(err, &report):
		return outcomeOf(report.Status, report.Reached)
	default:
		return OutcomeInvalid
	}
}

// outcomeOf returns the outcome of a failed request by its status or, without one, by
// how far it got.
func outcomeOf(status int, reached Outcome) Outcome {
	switch {
	case reached != "":
		return reached
	case status == 401:
		return OutcomeUnauthorized
	case status == 403:
		return OutcomeForbidden
	case status == 404 || status == 405 || status == 410:
		return OutcomeNotFound
	case status == 407:
		return OutcomeProxy
	case status == 429:
		return OutcomeThrottled
	case status >= 500 && status <= 599:
		return OutcomeServerError
	default:
		return OutcomeInvalid
	}
}
