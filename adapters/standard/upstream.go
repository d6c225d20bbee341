package standard

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/filesource"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/ports"
)

// origin is where documents come from: a Flagsmith API, or a directory.
type origin struct {
	ports.Upstream
	notifier   ports.Notifier          // nil: changes are found by polling only
	discoverer ports.Discoverer        // nil: all environments are configured
	usage      ports.UsageReporter     // nil: usage is not reported
	analytics  ports.AnalyticsReporter // nil: analytics have no receiver
	close      func()
}

// inDirectory reports whether documents come from a directory.
func inDirectory(s config.Settings) bool { return s.APIURL.Parse().Scheme == "file" }

// openOrigin returns the origin that the settings name. It connects to nothing, and reads
// no file of certs, which may be nil. propagate is flagsmith.Options.Propagate.
func openOrigin(s config.Settings, certs *certificates, logger *slog.Logger, propagate func(context.Context, http.Header)) (origin, error) {
	if inDirectory(s) {
		source, err := filesource.New(s.APIURL.Parse(), filesource.Options{MaxDocumentBytes: maxDocument(s)})
		if err != nil {
			return origin{}, err
		}
		return origin{Upstream: source, notifier: source, close: func() {}}, nil
	}
	options := flagsmithOptions(s, certs, s.APIURL.Parse())
	options.Propagate = propagate
	client, err := flagsmith.New(options)
	if err != nil {
		return origin{}, err
	}
	o := origin{Upstream: client, analytics: client, close: client.Close}
	if !s.ProxyKey.IsZero() {
		o.discoverer = client.NewDiscovery(logger)
		o.usage = client
	}
	if !s.RealtimeURL.IsZero() {
		streams, err := client.NewStreams(s.RealtimeURL.Parse(), logger)
		if err != nil {
			return origin{}, err
		}
		o.notifier = streams
	}
	return o, nil
}

// OpenUpstream implements commands.Wiring.
func (w *wiring) OpenUpstream(s config.Settings) (commands.Upstream, error) {
	loggers, err := w.loggers(s)
	if err != nil {
		return commands.Upstream{}, &commands.ConfigurationError{Err: err}
	}
	certs, err := openCertificates(s, loggers.Logger(logServer))
	if err != nil {
		_ = loggers.Close()
		return commands.Upstream{}, &commands.ConfigurationError{Err: err}
	}
	o, err := openOrigin(s, certs, loggers.Logger(logNetwork), nil)
	if err != nil {
		_ = loggers.Close()
		return commands.Upstream{}, &commands.ConfigurationError{Err: err}
	}
	closeBoth := func() { o.close(); _ = loggers.Close() }
	return commands.Upstream{Upstream: o.Upstream, Discoverer: o.discoverer, Close: closeBoth}, nil
}

// openEvents returns the sender of events; nil: they are off. It makes no connection.
func openEvents(s config.Settings, certs *certificates) (ports.EventSender, error) {
	if s.Events.URL.IsZero() {
		return nil, nil
	}
	return flagsmith.NewEventSender(flagsmithOptions(s, certs, s.Events.URL.Parse()))
}

// flagsmithOptions returns the options for the API at address.
func flagsmithOptions(s config.Settings, certs *certificates, address *url.URL) flagsmith.Options {
	return flagsmith.Options{
		APIURL: address, Timeout: s.APIPollTimeout, MaxDocumentBytes: maxDocument(s),
		UserAgent: "edge-proxy/" + commands.ReadBuild().Version + " (+https://github.com/edge-proxy/edge-proxy)",
		ProxyKey:  s.ProxyKey.Reveal,
		Proxy: flagsmith.ProxySettings{
			HTTP: s.Proxy.HTTP.Reveal(), HTTPS: s.Proxy.HTTPS.Reveal(), All: s.Proxy.All.Reveal(), No: s.Proxy.No,
		},
		MaxIdleConnections: s.APIPollConcurrency,
		TLS:                certs.ofAPI(), CAFile: s.APITLS.CAFile,
		AuthorityFile: os.Getenv("SSL_CERT_FILE"), // crypto/x509 reads it there, too
	}
}
