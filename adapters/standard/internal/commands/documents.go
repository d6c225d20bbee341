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

// The names of places that documents come from. Anything else is the name of a file; a
// file of such a name is ./api.
const (
	fromAPI   = "api"
	fromStore = "store"
)

// placesHelp describes the places for the help of commands.
const placesHelp = "A document is that of a file, or comes from one of two places: api, where the proxy would fetch it, or store."

// documentChoice is which environment's documents a command works on, and where the
// places are.
type documentChoice struct {
	storeChoice
	environment string
}

func (c *documentChoice) define(cmd *cobra.Command) {
	c.storeChoice.define(cmd)
	cmd.Flags().StringVar(&c.environment, "environment", "", "client-side `KEY` of the environment for api and store (default: that of the other document, else the only one configured)")
}

// documents reads documents of one environment from places and files. Files are read
// first, so that their environment is known when it is looked for in the places.
func (p *Program) documents(ctx context.Context, c documentChoice, places ...string) ([]inspect.Source, error) {
	found := make([]inspect.Source, len(places))
	for i, place := range places {
		found[i].Name = place
		if place == fromAPI || place == fromStore {
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
		switch place {
		case fromAPI:
			body, err = p.documentOfAPI(ctx, c)
		case fromStore:
			body, err = p.documentOfStore(ctx, c)
		default:
			continue
		}
		var configuration *ConfigurationError
		switch {
		case errors.As(err, &configuration):
			return nil, err // whose lines name what they are about
		case err != nil:
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		found[i].Text = string(body)
	}
	return found, nil
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
	return fetch(ctx, upstream, list[at])
}

// fetch fetches the document of an environment with the first of its keys that opens it.
func fetch(ctx context.Context, upstream ports.Upstream, e domain.EnvironmentKeys) ([]byte, error) {
	err := fmt.Errorf("the environment %s has no server-side key that is valid", shownKey(e.Client))
	for _, key := range e.FetchKeys(time.Now()) {
		var answer ports.Document
		if answer, err = upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: e.Client, Key: key, Discovered: e.Discovered}); err == nil {
			return answer.Body, nil
		}
	}
	return nil, err
}

// documentOfStore reads a document from the store.
func (p *Program) documentOfStore(ctx context.Context, c documentChoice) (body []byte, err error) {
	err = p.withStore(ctx, c.storeChoice, Reads, func(store ports.Store) error {
		keys, err := store.List(ctx)
		if err != nil {
			return err
		}
		key, err := c.choose(keys)
		if err != nil {
			return err
		}
		record, err := store.Get(ctx, key)
		if errors.Is(err, ports.ErrNotFound) {
			return fmt.Errorf("the store has no document under %s; it has %s", shownKey(key), shownKeys(keys))
		}
		body = record.Body
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
