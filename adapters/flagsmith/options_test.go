package flagsmith_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

func TestNewRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	parse := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, tt := range map[string]struct {
		change func(*flagsmith.Options)
		want   string
	}{
		"no address":        {func(o *flagsmith.Options) { o.APIURL = nil }, "api_url is missing"},
		"scheme":            {func(o *flagsmith.Options) { o.APIURL = parse("ftp://u:" + password + "@host/") }, `not "ftp"`},
		"no host":           {func(o *flagsmith.Options) { o.APIURL = parse("https:///api/v1") }, "names no host"},
		"query":             {func(o *flagsmith.Options) { o.APIURL = parse("https://host/?a=" + password) }, "query"},
		"time-out":          {func(o *flagsmith.Options) { o.Timeout = 0 }, "api_poll_timeout_seconds"},
		"size":              {func(o *flagsmith.Options) { o.MaxDocumentBytes = -1 }, "max_document_bytes"},
		"proxy scheme":      {func(o *flagsmith.Options) { o.Proxy.HTTP = "ftp://u:" + password + "@p" }, `HTTP_PROXY has the scheme "ftp"`},
		"proxy address":     {func(o *flagsmith.Options) { o.Proxy.HTTPS = "http://u:" + password + "@p:port" }, "HTTPS_PROXY is not an address"},
		"proxy for all":     {func(o *flagsmith.Options) { o.Proxy.All = "socks5://" }, "ALL_PROXY is not an address"},
		"proxy for all, it": {func(o *flagsmith.Options) { o.Proxy.All = "::" + password }, "ALL_PROXY is not an address"},
	} {
		t.Run(name, func(t *testing.T) {
			o := flagsmith.Options{APIURL: parse("https://host/api/v1"), Timeout: patient, MaxDocumentBytes: 1}
			if _, err := flagsmith.New(o); err != nil {
				t.Fatalf("the unchanged options: %v", err)
			}
			tt.change(&o)
			_, err := flagsmith.New(o)
			if err == nil {
				t.Fatal("it was accepted")
			}
			noSecrets(t, err.Error())
			contains(t, err.Error(), tt.want)
		})
	}
}

func TestFormattingOptionsShowsNoSecret(t *testing.T) {
	t.Parallel()
	o := flagsmith.Options{
		APIURL:   &url.URL{Scheme: "https", User: url.UserPassword("u", password), Host: "host:1", Path: "/api/v1"},
		ProxyKey: func() string { return proxyKey },
		Proxy:    flagsmith.ProxySettings{HTTP: "http://u:" + password + "@p", All: "socks5://u:" + password + "@p"},
	}
	for _, format := range []string{"%v", "%+v", "%#v"} {
		for _, text := range []string{fmt.Sprintf(format, o), fmt.Sprintf(format, &o)} {
			noSecrets(t, text)
			contains(t, text, "{https://host:1/api/v1}")
		}
		noSecrets(t, fmt.Sprintf(format, o.Proxy))
		noSecrets(t, fmt.Sprintf(format, flagsmith.Options{}))
	}
	text, err := o.Proxy.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), "{HTTP_PROXY ALL_PROXY}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
