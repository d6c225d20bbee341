package commands

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// adminPatience bounds one request to a running proxy.
	adminPatience = 30 * time.Second
	// maxAdminAnswer bounds what is read of an answer: a document can be large.
	maxAdminAnswer = 1 << 30
)

// adminChoice is which running proxy to ask, by its admin listener.
type adminChoice struct{ address, tokenFile, caFile, certFile, keyFile string }

func (c *adminChoice) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.address, "admin", "", "`URL` of the admin listener of a running proxy, such as http://127.0.0.1:8001 (default: from admin.host and admin.port)")
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "`FILE` with the token of the admin listener (default: admin.token of the configuration)")
	cmd.Flags().StringVar(&c.caFile, "ca-file", "", "`FILE` with authorities of the admin listener's certificate, in PEM form, beside those of the system")
	cmd.Flags().StringVar(&c.certFile, "cert-file", "", "`FILE` with a certificate for an admin listener that asks for one, in PEM form")
	cmd.Flags().StringVar(&c.keyFile, "key-file", "", "`FILE` with the key of that certificate, in PEM form")
	for _, name := range []string{"token-file", "ca-file", "cert-file", "key-file"} {
		_ = cmd.MarkFlagFilename(name) // fails only for a flag that is not there
	}
}

// adminClient asks the admin listener of a running proxy.
type adminClient struct {
	base, token string
	author      string // of actions; "": nobody says
	client      http.Client
	tls         *tls.Config
}

// admin returns a client of the chosen proxy.
func (p *Program) admin(c adminChoice, configFile string) (*adminClient, error) {
	settings, warnings, err := config.LoadAdmin(p.source(configFile))
	p.warn(warnings)
	if err != nil {
		return nil, &ConfigurationError{Err: err}
	}
	return p.adminOf(c, settings)
}

// adminOf is admin for settings that are loaded already.
func (p *Program) adminOf(c adminChoice, settings config.Admin) (*adminClient, error) {
	base, own := c.address, config.AdminTLS{}
	if base == "" {
		if settings.Port.Number == 0 {
			return nil, usage("admin.port is 0, so this proxy has no admin listener; say where one listens with --admin")
		}
		scheme := "http://"
		if own = settings.TLS; own.CertFile != "" {
			scheme = "https://"
		}
		base = scheme + net.JoinHostPort(reachableHost(settings.Host), strconv.Itoa(settings.Port.Number))
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("--admin must be like http://127.0.0.1:8001")
	}
	token := settings.Token.Reveal()
	if c.tokenFile != "" {
		content, err := os.ReadFile(p.path(c.tokenFile))
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(content))
	}
	secure, err := p.adminTLS(c, own)
	if err != nil {
		return nil, err
	}
	return &adminClient{base: strings.TrimSuffix(base, "/"), token: token, tls: secure, client: http.Client{
		Timeout:       adminPatience,
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure}, // without a forward proxy: it would get the token
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// reachableHost returns where a listener on host is reached from this machine.
func reachableHost(host string) string {
	ip := net.ParseIP(host)
	switch {
	case ip == nil || !ip.IsUnspecified():
		return host
	case ip.To4() == nil:
		return "::1"
	default:
		return "127.0.0.1"
	}
}

// environmentPath returns the path of an environment's page on the admin listener.
func environmentPath(key string) string { return "/environments/" + url.PathEscape(key) }

// get returns the body of a page.
func (c *adminClient) get(ctx context.Context, path string) ([]byte, error) {
	_, body, err := c.exchange(ctx, http.MethodGet, path, nil)
	return body, err
}

// act has the proxy do an action for a reason, which may be "", and reads the answer, a
// JSON object, into answer. body has the other members of the request; it may be nil.
func (c *adminClient) act(ctx context.Context, method, path, reason string, body map[string]any, answer any) error {
	if c.token == "" {
		return usage("actions need the token of the admin listener: set admin.token as the proxy has it, or name its file with --token-file")
	}
	content := maps.Clone(body)
	if content == nil {
		content = map[string]any{}
	}
	if reason != "" {
		content["reason"] = reason
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return err
	}
	_, got, err := c.exchange(ctx, method, path, encoded)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return fmt.Errorf("the answer to %s is not that of an admin listener: %w", path, err)
	}
	return nil
}

// adminError is an answer of an admin listener that is not the one that was asked for.
type adminError struct {
	status int
	text   string
}

func (e *adminError) Error() string {
	return fmt.Sprintf("the admin listener answered %d: %s", e.status, e.text)
}

// exchange returns the headers and the body of the answer to a request. Errors: an
// *adminError; why there is no answer of an admin listener.
func (c *adminClient) exchange(ctx context.Context, method, path string, body []byte) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	author := c.author
	if author == "" {
		if u, err := user.Current(); err == nil {
			author = u.Username
		}
	}
	if method != http.MethodGet {
		request.Header.Set("X-Author", author)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, nil, adminFailure(request.URL, err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAdminAnswer))
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Header, body, nil
	}
	if speaksTLS(response.StatusCode, body) {
		return nil, nil, fmt.Errorf("%s speaks TLS: say https:// in --admin, or set admin.tls as the proxy has it", request.URL.Host)
	}
	var answer struct{ Error string }
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return nil, nil, fmt.Errorf("%s answered %d to %s, and is not an admin listener", request.URL.Host, response.StatusCode, path)
	}
	return nil, nil, &adminError{response.StatusCode, domain.RedactServerKeys(answer.Error)}
}

// nodeStatus is what commands need of /status.json.
type nodeStatus struct {
	Node         string
	Environments []struct {
		Key domain.EnvironmentKey
		Via string
	}
}

func (c *adminClient) status(ctx context.Context) (s nodeStatus, err error) {
	body, err := c.get(ctx, "/status.json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("the answer to /status.json is not a status: %w", err)
	}
	return s, nil
}

// document returns the document of an environment: the one of its history with this
// version or, for "", the one that is served.
func (c *adminClient) document(ctx context.Context, key domain.EnvironmentKey, version string) ([]byte, error) {
	path := environmentPath(string(key)) + "/document"
	if version != "" {
		path += "?" + url.Values{"version": {version}}.Encode()
	}
	return c.get(ctx, path)
}
