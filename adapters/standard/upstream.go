package standard

import (
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/filesource"
	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

var noExpiry time.Time

// upstream opens where the documents come from: a Flagsmith API, or a directory.
// The function returned closes it.
func upstream(s config.Settings) (ports.Upstream, func(), error) {
	if s.APIURL.Parse().Scheme == "file" {
		source, err := filesource.New(s.APIURL.Parse(), filesource.Options{MaxDocumentBytes: s.MaxDocumentBytes})
		if err != nil {
			return nil, nil, err
		}
		return source, func() {}, nil
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
		return nil, nil, err
	}
	return client, client.Close, nil
}
