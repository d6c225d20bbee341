package doctor

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

// expiresSoon is how long before its end a certificate is reported.
const expiresSoon = 30 * 24 * time.Hour

// discard is for parts whose errors the doctor reports itself.
var discard = slog.New(slog.DiscardHandler)

// network checks the way to the API.
func (e *examination) network(ctx context.Context) {
	origin, err := e.OpenOrigin(e.settings, discard)
	if err != nil { // the files of api_tls; the rest was checked with the configuration
		e.check("N1", func(f *finding) { f.fail("Correct what the text names.", "%v", err) })
		return
	}
	defer origin.Close()
	if origin.API == nil {
		e.skip("documents come from a directory", "N1", "N2", "N3", "N4", "N5")
		return
	}
	began := time.Now()
	r := origin.API.Probe(ctx)
	took := time.Since(began)
	for id, judge := range map[string]func(*finding, flagsmith.Route){
		"N1": judgeName, "N2": judgeProxy, "N3": judgeDials, "N4": judgeCertificate, "N5": judgeAnswer,
	} {
		f := &finding{}
		judge(f, r)
		switch id {
		case "N1":
			e.record(id, f, r.ResolveTook)
		case "N5":
			e.record(id, f, took)
		default:
			e.record(id, f, 0)
		}
	}
}

func judgeName(f *finding, r flagsmith.Route) {
	switch {
	case r.ResolveErr != nil:
		f.fail("Check the host in api_url and the name server of this machine, pod or container.", "%s has no address: %v", r.Host, r.ResolveErr)
	case net.ParseIP(r.Host) != nil:
		f.ok("%s is an address", r.Host)
	default:
		f.ok("%s has the address %s, found in %s", r.Host, strings.Join(r.Addresses, ", "), r.ResolveTook.Round(time.Millisecond/10))
	}
}

func judgeProxy(f *finding, r flagsmith.Route) {
	outcome := ports.OutcomeOf(r.AnswerErr)
	switch {
	case r.Proxy == "":
		f.ok("not used: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY are not set for api_url, or NO_PROXY lists the host")
	case r.AnswerErr != nil && outcome == ports.OutcomeProxy:
		f.fail("Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, and that the forward proxy lets requests to api_url pass.", "%s does not take the request: %v", r.Proxy, r.AnswerErr)
	default:
		f.ok("requests take %s, since HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names it and NO_PROXY does not list the host of api_url", r.Proxy)
	}
}

func judgeDials(f *finding, r flagsmith.Route) {
	if len(r.Dials) == 0 {
		f.skip("there is no address to connect to")
		return
	}
	works := slices.ContainsFunc(r.Dials, func(d flagsmith.Dial) bool { return d.Err == nil })
	for _, d := range r.Dials {
		switch {
		case d.Err == nil:
			f.ok("%s answers in %s", d.Address, d.Took.Round(time.Millisecond/10))
		case works:
			f.ok("%s is not reached (%v); another address is", d.Address, d.Err)
		default:
			f.fail("Check the host and port of api_url, that the API runs, and that firewalls and network policies let this connection pass.", "%s is not reached: %v", d.Address, d.Err)
		}
	}
}

func judgeCertificate(f *finding, r flagsmith.Route) {
	switch {
	case r.Answer == nil && ports.OutcomeOf(r.AnswerErr) == ports.OutcomeTLS:
		f.fail("Do what the text in brackets says.", "%v", r.AnswerErr)
	case r.Answer == nil:
		f.skip("there was no answer")
	case r.Answer.Certificate == nil:
		f.ok("not used: api_url begins with http://, so keys and documents are not encrypted on the way")
	default:
		judgeEnd(f, r.Answer.Certificate, time.Now())
	}
}

// judgeEnd judges when a trusted certificate ends.
func judgeEnd(f *finding, c *x509.Certificate, now time.Time) {
	until := c.NotAfter.UTC().Format(time.RFC3339)
	if left := c.NotAfter.Sub(now); left < expiresSoon {
		f.warn("Renew the certificate of the API.", "the certificate of %s, issued by %s, expires in %d days, on %s", shown(c.Subject.CommonName), shown(c.Issuer.CommonName), int(left.Hours()/24), until)
		return
	}
	f.ok("trusted, issued by %s, valid until %s", shown(c.Issuer.CommonName), until)
}

func judgeAnswer(f *finding, r flagsmith.Route) {
	switch {
	case r.Answer == nil && failsEarlier(r):
		f.skip("an earlier step fails")
	case r.AnswerErr != nil:
		f.fail("Do what the text in brackets says.", "%v", r.AnswerErr)
	default:
		f.ok("the API speaks %s and answered in %s", r.Answer.Protocol, r.Answer.Took.Round(time.Millisecond/10))
	}
}

// failsEarlier reports whether there is no answer because a step before it fails, which
// has a check of its own.
func failsEarlier(r flagsmith.Route) bool {
	reached := slices.ContainsFunc(r.Dials, func(d flagsmith.Dial) bool { return d.Err == nil })
	outcome := ports.OutcomeOf(r.AnswerErr)
	return !reached || outcome == ports.OutcomeProxy || outcome == ports.OutcomeTLS
}
