package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	bbolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/edge-proxy/edge-proxy/ports"
)

var (
	_ ports.OpenStore = Open
	_ ports.OpenStore = OpenExisting
	_ ports.Exclusive = (*store)(nil)
)

// Open opens the store that u names, see the package's documentation, and makes
// the file if it is missing. A file that cannot be read is set aside and logged at
// ERROR. Of d it uses Now and Logger.
//
// Its errors say what an operator has to do: a wrong URL, a file that another
// process uses or that a newer version wrote, a directory that is missing or must
// not be written to, a disk that is full or broken. No file is changed then.
func Open(ctx context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	return open(ctx, u, d, setAside)
}

// ifDamaged is what is done with a damaged file at path, while it is locked: it is
// moved away, or the error tells why it was not.
type ifDamaged func(path string, damage *damageError, d ports.StoreDeps) error

func open(ctx context.Context, u *url.URL, d ports.StoreDeps, then ifDamaged) (ports.Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("bolt: open: %w", err)
	}
	path, err := locate(u)
	if err != nil {
		return nil, err
	}
	if err := makeDirectory(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("bolt: %w", err)
	}
	f, err := openFile(path, d, then)
	if err != nil {
		return nil, fmt.Errorf("bolt: %w", err)
	}
	return newStore(f, d), nil
}

// OpenExisting is Open for callers that only read, such as operators' tools. It does
// not create a missing file, since a mistyped path would look like an empty store,
// and returns an error that wraps fs.ErrNotExist. A file that cannot be read is an
// error too and stays where it is: it may be something else altogether.
func OpenExisting(ctx context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	path, err := locate(u)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bolt: there is no file %s: correct store.url, or start the proxy, which makes it: %w", path, fs.ErrNotExist)
	}
	return open(ctx, u, d, leave) // tells whatever else is wrong
}

// leave is an ifDamaged that does nothing.
func leave(_ string, damage *damageError, _ ports.StoreDeps) error {
	return fmt.Errorf("%w: it was left as it is: correct store.url, or start the proxy, which sets it aside", damage)
}

// makeDirectory makes dir for the user only, if what it is to be in exists.
func makeDirectory(dir string) error {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		syncDirectory(filepath.Dir(dir))
		return nil
	case errors.Is(err, fs.ErrExist):
		return nil // opening the file shows whether this is a directory
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory %s does not exist, and neither does the one it is in: create it, or correct store.url", dir)
	default:
		// On some systems making what exists is refused before it is found to exist.
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil
		}
		return fmt.Errorf("the directory %s does not exist and cannot be made by the user that this program runs as (uid %d): %w", dir, os.Getuid(), err)
	}
}

var errInUse = errors.New("it is in use")

// openFile opens the file at path, another one after a damaged one was moved away.
func openFile(path string, d ports.StoreDeps, then ifDamaged) (*file, error) {
	for range 3 {
		f, err := openOnce(path, d, then)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, errMoved):
		case errors.Is(err, errInUse):
			return nil, &inUseError{path, lockHolder(path)}
		case errors.Is(err, errForeign):
			return nil, fmt.Errorf("%s cannot be opened: %w; it was left as it is: correct store.url, or move the file away to begin a new one", path, err)
		case errors.Is(err, errNewer):
			return nil, fmt.Errorf("%s cannot be read: %w: use that version, or move the file away to begin a new one", path, err)
		case errors.Is(err, fs.ErrPermission):
			return nil, fmt.Errorf("%s cannot be opened: %w: the user that this program runs as (uid %d) must be able to write to the file and to its directory", path, err, os.Getuid())
		default:
			return nil, fmt.Errorf("%s cannot be opened: %w", path, err)
		}
	}
	return nil, fmt.Errorf("%s cannot be opened: %w", path, errMoved)
}

// openOnce opens the file at path. It returns errMoved when the file that was there
// has gone, because it was damaged and has been set aside, or was removed by somebody
// else.
func openOnce(path string, d ports.StoreDeps, then ifDamaged) (*file, error) {
	handle, err := openLocked(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path, handle: handle, deps: d, logger: d.Logger}
	err = f.open()
	var damage *damageError
	if errors.As(err, &damage) {
		// While it is locked: otherwise another process's new file could be renamed.
		if err = then(path, damage, d); err == nil {
			err = errMoved
		}
	}
	if err != nil {
		_ = f.close()
		return nil, err
	}
	return f, nil
}

var errMoved = errors.New("it was moved while it was being opened")

// openLocked opens and locks the file at path, and creates it if it does not exist.
func openLocked(path string) (*os.File, error) {
	// Asked before it is opened: opening a pipe would wait for its other end.
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil, errors.New("it is a directory: store.url must name a file in it")
	case err == nil && !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	handle, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(handle); err != nil {
		_ = handle.Close()
		return nil, err
	}
	// Another process may have set the file aside before it could be locked here.
	there, err := os.Stat(path)
	if err == nil {
		var here os.FileInfo
		if here, err = handle.Stat(); err == nil && !os.SameFile(here, there) {
			err = errMoved
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = errMoved
	}
	if err != nil {
		unlock(handle)
		_ = handle.Close()
		return nil, err
	}
	return handle, nil
}

// open opens the database in f.handle, which is locked, and begins one if it is
// empty. f is to be closed also when it fails.
func (f *file) open() error {
	info, err := f.handle.Stat()
	if err != nil {
		return err
	}
	fresh := info.Size() == 0
	if !fresh {
		m, err := inspect(f.handle, info.Size())
		if err != nil {
			return refuseForeign(f.handle, err)
		}
		if m.alone {
			f.logger.Warn("store_file_incomplete", "file", f.path, "reason", "one of its two first pages cannot be read",
				"effect", "what was written last may be missing; upstream sends it again")
		}
	}
	if err := f.openDatabase(); err != nil {
		if fresh {
			emptyAgain(f.path)
		}
		return err
	}
	if err := f.prepare(); err != nil {
		return err
	}
	if fresh {
		syncDirectory(filepath.Dir(f.path))
	}
	return nil
}

// openDatabase has bbolt open f.handle, which it closes when it fails.
func (f *file) openDatabase() error {
	err := guarded(func() (err error) {
		f.db, err = bbolt.Open(f.path, 0o600, &bbolt.Options{
			// Too short to wait: the lock is there already or taken by another process.
			Timeout: time.Millisecond,
			// With the other kind every write takes time for each page that is free.
			FreelistType: bbolt.FreelistMapType,
			OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f.handle, nil },
		})
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return errInUse
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return damaged("bbolt cannot read it: %v", err)
	}
	return err
}

// emptyAgain empties a new file whose first pages could not be written whole. Left
// like that it would be set aside by the next start, and so on at each.
func emptyAgain(path string) {
	handle, err := openLocked(path)
	if err != nil {
		return
	}
	defer handle.Close()
	info, err := handle.Stat()
	if err != nil || info.Size() >= int64(4*os.Getpagesize()) {
		return
	}
	if _, err := inspect(handle, info.Size()); err != nil {
		_ = handle.Truncate(0)
	}
}

// setAside renames the damaged file at path.
func setAside(path string, damage *damageError, d ports.StoreDeps) error {
	aside := path + ".damaged-" + d.Now().UTC().Format("20060102T150405Z")
	for n, name := 2, aside; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s-%d", name, n)
	}
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("it cannot be read (%s) and cannot be set aside, move it away: %w", damage.reason, err)
	}
	syncDirectory(filepath.Dir(path))
	d.Logger.Error("store_file_set_aside", "file", path, "reason", damage.Error(), "renamed_to", aside,
		"effect", "starting with an empty store, which upstream fills again")
	return nil
}

// syncDirectory makes what was made or renamed in dir survive a crash of the
// machine, where the system can.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
