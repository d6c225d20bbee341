package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// readerChoice is which store a command is to read: one that it opens, or that of a
// running proxy.
type readerChoice struct {
	storeChoice
	adminChoice
}

func (c *readerChoice) define(cmd *cobra.Command) {
	c.storeChoice.define(cmd)
	c.adminChoice.define(cmd)
}

// withReader calls work with the documents of the store of c, or of the running proxy that
// --admin names.
func (p *Program) withReader(ctx context.Context, c readerChoice, work func(ports.Reader) error) error {
	if c.address == "" {
		return p.withStored(ctx, c, work)
	}
	admin, err := p.admin(c.adminChoice, c.config)
	if err != nil {
		return err
	}
	return work(adminReader{admin})
}

// withStored calls work with the documents of the store of c. Where only one process at a
// time can open the store, and a running proxy has it, that proxy is asked for them.
func (p *Program) withStored(ctx context.Context, c readerChoice, work func(ports.Reader) error) error {
	settings, err := p.storeSettings(c.storeChoice)
	if err != nil {
		return err
	}
	inside := settings.URL.Parse().Scheme == insideProcess
	opened := false
	err = p.withStoreOf(ctx, settings, Reads, func(store ports.Store) error {
		opened = true
		return work(store)
	})
	if opened || !inside && !errors.Is(err, ports.ErrInUse) {
		return err
	}
	user := p.userOf(ctx, c, settings)
	switch {
	case user != nil:
		fmt.Fprintf(p.Stderr, "edge-proxy: the store %s is in use: asking the proxy that uses it, at %s\n", settings.URL, user.client.base)
		return work(user)
	case inside:
		return err
	}
	return fmt.Errorf("%w; to look into it meanwhile, name the admin listener of that process with --admin", err)
}

// userOf returns the reader of the running proxy that uses a store; nil if the chosen
// admin listener is not that of such a proxy.
func (p *Program) userOf(ctx context.Context, c readerChoice, settings config.Store) *adminReader {
	listener, _, err := config.LoadAdmin(p.source(c.config))
	if err != nil || c.address == "" && listener.Port.Number == 0 {
		return nil
	}
	client, err := p.adminOf(c.adminChoice, listener)
	if err != nil {
		return nil
	}
	r := adminReader{client}
	if list, err := r.list(ctx); err != nil || list.URL != settings.URL.String() {
		return nil
	}
	return &r
}

// adminReader reads the documents of a running proxy's store through its admin listener.
// Server-side keys in them are masked. Keys are those that keyArgument takes.
type adminReader struct{ client *adminClient }

var _ ports.Reader = adminReader{}

type storeListing struct {
	URL  string
	Keys []domain.EnvironmentKey
}

func (r adminReader) list(ctx context.Context) (l storeListing, err error) {
	body, err := r.client.get(ctx, "/store")
	if err == nil && json.Unmarshal(body, &l) != nil {
		err = errors.New("the answer to /store is not a list of keys")
	}
	return l, err
}

// List implements ports.Reader.
func (r adminReader) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	l, err := r.list(ctx)
	return l.Keys, err
}

// Get implements ports.Reader.
func (r adminReader) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	header, body, err := r.client.exchange(ctx, http.MethodGet, "/store/"+url.PathEscape(string(key)), nil)
	var refused *adminError
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusNotFound:
		return ports.Record{}, fmt.Errorf("%w: %w", ports.ErrNotFound, err)
	case errors.As(err, &refused) && refused.status == http.StatusInternalServerError:
		return ports.Record{}, fmt.Errorf("%w: %s", ports.ErrCorrupt, refused.text)
	case err != nil:
		return ports.Record{}, err
	}
	record := ports.Record{Key: key, Body: body, Version: ports.Version(header.Get("X-Record-Version"))}
	for name, at := range map[string]*time.Time{"X-Record-Updated-At": &record.UpdatedAt, "X-Record-Checked-At": &record.CheckedAt} {
		if text := header.Get(name); text != "" {
			if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return ports.Record{}, fmt.Errorf("the header %s of the answer is not a time", name)
			}
		}
	}
	return record, nil
}

// Stat implements ports.Reader.
func (r adminReader) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	record, err := r.Get(ctx, key)
	record.Body = nil
	return record, err
}
