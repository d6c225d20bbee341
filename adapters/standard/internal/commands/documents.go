package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// placesHelp describes the places for the help of commands.
const placesHelp = "A document is that of a file, or comes from a place: proxy, what a running proxy serves; history:N, what a\n" +
	"running proxy had before, with N as \"edge-proxy history\" lists it; api, where the proxy would fetch it; or store."

// documentChoice is which environment's documents a command works on, and where the
// places are.
type documentChoice struct {
	storeChoice
	adminChoice
	environment string
}

func (c *documentChoice) define(cmd *cobra.Command) {
	c.storeChoice.define(cmd)
	c.adminChoice.define(cmd)
	cmd.Flags().StringVar(&c.environment, "environment", "", "client-side `KEY` of the environment for places (default: that of the other document, else the only one configured)")
}

// document is a document from a place or a file.
type document struct {
	inspect.Source
	served *servedBy // nil: it does not come from a running proxy
}

// servedBy is what serves a document.
type servedBy struct {
	Node string `json:"node"`
	Via  string `json:"via"` // how the document came to the node
}

// documents reads documents of one environment from places and files. Files are read
// first, so that their environment is known when it is looked for in the places.
func (p *Program) documents(ctx context.Context, c documentChoice, places ...string) ([]document, error) {
	found := make([]document, len(places))
	for i, place := range places {
		found[i].Name = place
		if inspect.IsPlace(place) {
			continue
		}
		content, err := os.ReadFile(p.path(place))
		if err != nil {
			return nil, err
		}
		found[i].Text = string(content)
		if parsed, _, err := domain.ParseEnvironment(found[i].Text); err == nil && c.environment == "" {
			c.environment = parsed.APIKey
		}
	}
	for i, place := range places {
		var body []byte
		var err error
		version, former := inspect.HistoryPlace(place)
		switch {
		case former:
			body, _, err = p.documentOfProxy(ctx, c, version)
		case place == inspect.PlaceProxy:
			body, found[i].served, err = p.documentOfProxy(ctx, c, "")
		case place == inspect.PlaceAPI:
			body, err = p.documentOfAPI(ctx, c)
		case place == inspect.PlaceStore:
			body, err = p.documentOfStore(ctx, c)
		default:
			continue
		}
		var configuration *ConfigurationError
		var wrong *usageError
		switch {
		case errors.As(err, &configuration), errors.As(err, &wrong):
			return nil, err // which says what it is about
		case err != nil:
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		found[i].Text = string(body)
	}
	return found, nil
}

// documentOfProxy gets a document of a running proxy: the one of its history with this
// version or, for "", the one that it serves.
func (p *Program) documentOfProxy(ctx context.Context, c documentChoice, version string) ([]byte, *servedBy, error) {
	admin, err := p.admin(c.adminChoice, c.config)
	if err != nil {
		return nil, nil, err
	}
	status, err := admin.status(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys := make([]domain.EnvironmentKey, len(status.Environments))
	for i := range status.Environments {
		keys[i] = status.Environments[i].Key
	}
	key, err := c.choose(keys)
	if err != nil {
		return nil, nil, err
	}
	at := slices.Index(keys, key)
	if at < 0 {
		return nil, nil, fmt.Errorf("the proxy does not serve the environment %s; it serves %s", shownKey(key), shownKeys(keys))
	}
	body, err := admin.document(ctx, key, version)
	return body, &servedBy{status.Node, status.Environments[at].Via}, err
}

// documentOfAPI fetches a document as serving would.
func (p *Program) documentOfAPI(ctx context.Context, c documentChoice) ([]byte, error) {
	settings, warnings, err := config.Load(p.source(c.config))
	p.warn(warnings)
	if err != nil {
		return nil, &ConfigurationError{Err: err}
	}
	upstream, err := p.Wiring.OpenUpstream(settings)
	if err != nil {
		return nil, err
	}
	defer upstream.Close()
	list := settings.Environments()
	if upstream.Discoverer != nil {
		discovered, err := upstream.Discoverer.Discover(ctx)
		if err != nil {
			return nil, err
		}
		list = app.Unite(list, discovered, time.Now())
	}
	keys := make([]domain.EnvironmentKey, len(list))
	for i := range list {
		keys[i] = list[i].Client
	}
	key, err := c.choose(keys)
	if err != nil {
		return nil, err
	}
	at := slices.Index(keys, key)
	if at < 0 {
		return nil, fmt.Errorf("the environment %s is not configured; those that are: %s", shownKey(key), shownKeys(keys))
	}
	return inspect.Fetch(ctx, upstream, list[at], time.Now())
}

// documentOfStore reads a document from the store.
func (p *Program) documentOfStore(ctx context.Context, c documentChoice) (body []byte, err error) {
	err = p.withStored(ctx, readerChoice{c.storeChoice, c.adminChoice}, func(store ports.Reader) error {
		keys, err := store.List(ctx)
		if err != nil {
			return err
		}
		key, err := c.choose(keys)
		if err != nil {
			return err
		}
		body, err = inspect.Stored(ctx, store, key)
		if errors.Is(err, ports.ErrNotFound) {
			err = fmt.Errorf("%w; it has %s", err, shownKeys(keys))
		}
		return err
	})
	return body, err
}

// choose returns the environment that a command works on: the given one, else the only
// one that there is.
func (c *documentChoice) choose(keys []domain.EnvironmentKey) (domain.EnvironmentKey, error) {
	switch {
	case c.environment != "":
		return keyArgument(c.environment), nil
	case len(keys) == 1:
		return keys[0], nil
	case len(keys) == 0:
		return "", errors.New("there is no environment")
	default:
		return "", fmt.Errorf("there are several environments; name one with --environment: %s", shownKeys(keys))
	}
}

// shownKeys lists keys for a message.
func shownKeys(keys []domain.EnvironmentKey) string {
	const most = 10
	var names []string
	for _, key := range slices.Sorted(slices.Values(keys)) {
		names = append(names, shownKey(key))
	}
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
