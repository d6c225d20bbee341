package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

const (
	// adminPatience is how long an action may take, and maxAdminAnswer what is read of
	// its answer.
	adminPatience  = 30 * time.Second
	maxAdminAnswer = 16 << 20
)

// adminChoice is which node an action is for, who acts and why.
type adminChoice struct{ config, address, reason string }

func (c *adminChoice) define(cmd *cobra.Command) {
	defineConfig(cmd, &c.config)
	cmd.Flags().StringVar(&c.address, "admin", "", "`URL` of the node's admin listener (default: from admin.host and admin.port)")
	cmd.Flags().StringVar(&c.reason, "reason", "", "`text` that the log and the events of the node keep")
}

// adminHelp is what the help of every action says.
const adminHelp = "It asks the admin listener of a running proxy, with the token that admin.token of the configuration has."

// act has a node do an action, and reads its answer, a JSON object, into answer. body
// may be nil.
func (p *Program) act(ctx context.Context, c adminChoice, method, path string, body map[string]any, answer any) error {
	base, token, err := p.adminListener(c)
	if err != nil {
		return err
	}
	if body == nil {
		body = map[string]any{}
	}
	if c.reason != "" {
		body["reason"] = c.reason
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	if author, err := user.Current(); err == nil {
		request.Header.Set("X-Author", author.Username)
	}
	return send(request, answer)
}

// adminListener returns the address of the admin listener, and the token.
func (p *Program) adminListener(c adminChoice) (base, token string, err error) {
	settings, warnings, err := config.Load(p.source(c.config))
	p.warn(warnings)
	switch {
	case err != nil:
		return "", "", &ConfigurationError{Err: err}
	case settings.Admin.Token.IsZero():
		return "", "", usage("admin.token is not set; actions need the token of the node, as the variable ADMIN_TOKEN or in the configuration file")
	}
	base, err = adminAt(c.address, settings.Admin)
	if err == nil && base == "" {
		err = usage("admin.port is 0, so say where the admin listener is with --admin")
	}
	return base, settings.Admin.Token.Reveal(), err
}

// adminAt returns the address of an admin listener: the given one, else where a is
// reached from this host, "" where it is off.
func adminAt(given string, a config.Admin) (string, error) {
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return "", usage("--admin must be like http://127.0.0.1:8001")
		}
		return u.Scheme + "://" + u.Host, nil
	}
	if a.Port.Number == 0 {
		return "", nil
	}
	return "http://" + net.JoinHostPort(reachable(a.Host), strconv.Itoa(a.Port.Number)), nil
}

// send sends a request to an admin listener, without any forward proxy.
func send(request *http.Request, answer any) error {
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("asking the admin listener at %s: %w", request.URL.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAdminAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", request.URL.Host, err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("what answers at %s is not an admin listener of this program", request.URL.Host)
		}
		return nil
	}
	return fmt.Errorf("%s answered %d: %w", request.URL.Host, response.StatusCode, refusalIn(text))
}

// refusalIn returns what a refusal of the admin listener says.
func refusalIn(text []byte) error {
	var refusal struct{ Error string }
	if json.Unmarshal(text, &refusal) == nil && refusal.Error != "" {
		return errors.New(refusal.Error)
	}
	return errors.New("it is not an admin listener of this program")
}
