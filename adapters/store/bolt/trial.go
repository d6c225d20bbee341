package bolt

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/edge-proxy/edge-proxy/ports"
)

// OpenTrial is OpenExisting for a file that exists. Where it is missing it makes one,
// and the directory if that is missing too, and Close removes what was made: a trial by
// one user must not leave files that the proxy's user cannot write to.
func OpenTrial(ctx context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	path, err := locate(u)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return OpenExisting(ctx, u, d)
	}
	made := []string{path}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		made = append(made, filepath.Dir(path))
	}
	s, err := Open(ctx, u, d)
	if err != nil {
		return nil, err
	}
	return &trial{s, made}, nil
}

// trial is a store whose file Close removes.
type trial struct {
	ports.Store
	made []string // the file and what it is in, in this order
}

// Close implements ports.Store.
func (t *trial) Close() error {
	err := t.Store.Close()
	for _, path := range t.made {
		if removing := os.Remove(path); !errors.Is(removing, fs.ErrNotExist) {
			err = errors.Join(err, removing)
		}
	}
	return err
}

// Examine implements ports.Examiner where the store does.
func (t *trial) Examine(ctx context.Context) ([]ports.StoreFinding, error) {
	examiner, can := t.Store.(ports.Examiner)
	if !can {
		return nil, errors.ErrUnsupported
	}
	return examiner.Examine(ctx)
}
