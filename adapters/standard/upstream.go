package standard

import (
	"errors"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/filesource"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

var noExpiry time.Time

// origin is where documents come from: a Flagsmith API, or a directory.
type origin struct {
	ports.Upstream
	notifier   ports.Notifier          // nil: nobody tells of changes
	discoverer ports.Discoverer        // nil: environments are configured only
	usage      ports.UsageReporter     // nil: nothing is to be counted
	analytics  ports.AnalyticsReporter // nil: there is nobody to tell
	close      func()
}

func openOrigin(s config.Settings, logger *slog.Logger) (origin, error) {
	if s.APIURL.Parse().Scheme == "file" {
		if !s.ProxyKey.IsZero() {
			return origin{}, errors.New("proxy_key is for a Flagsmith API; api_url names a directory, where nothing can be discovered")
		}
		source, err := filesource.New(s.APIURL.Parse(), filesource.Options{MaxDocumentBytes: s.MaxDocumentBytes})
		if err != nil {
			return origin{}, err
		}
		return origin{Upstream: source, notifier: source, close: func() {}}, nil
	}
	client, err := flagsmith.New(flagsmith.Options{
		APIURL: s.APIURL.Parse(), Timeout: s.APIPollTimeout, MaxDocumentBytes: s.MaxDocumentBytes,
		UserAgent: "edge-proxy/" + buildVersion().Version + " (+https://github.com/edge-proxy/edge-proxy)",
		ProxyKey:  s.ProxyKey.Reveal,
		Proxy: flagsmith.ProxySettings{
			HTTP: s.Proxy.HTTP.Reveal(), HTTPS: s.Proxy.HTTPS.Reveal(), All: s.Proxy.All.Reveal(), No: s.Proxy.No,
		},
		MaxIdleConnections: s.APIPollConcurrency,
	})
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
