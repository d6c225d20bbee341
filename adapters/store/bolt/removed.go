package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceIfRemoved opens the file that is at f.path now, or begins a new one, when
// the one that is open was removed or replaced by somebody else. Otherwise whatever
// is written would be gone at the next start. It is called by the writer only.
func (f *file) replaceIfRemoved() error {
	if f.lost.Load() != nil {
		return nil // every call says so
	}
	if !f.removed() {
		return nil
	}
	err := makeDirectory(filepath.Dir(f.path))
	if err != nil {
		return fmt.Errorf("it was removed while it was open: %w", err)
	}
	next, err := openFile(f.path, f.deps, setAside)
	if err != nil {
		return fmt.Errorf("it was removed while it was open: %w", err)
	}
	f.mu.Lock()
	before := file{handle: f.handle, db: f.db}
	f.handle, f.db = next.handle, next.db
	f.mu.Unlock()
	_ = before.close() // nobody can read what is in it any more
	f.logger.Warn("store_file_removed", "file", f.path, "reason", "it was removed or replaced while it was open",
		"effect", "the file that is there now is used, a new one if there was none; the proxy writes its documents to it again")
	if f.replaced != nil {
		f.replaced()
	}
	return nil
}

// removed reports whether f.path names another file than the open one, or none.
func (f *file) removed() bool {
	there, err := os.Stat(f.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	here, err := f.handle.Stat()
	return err == nil && !os.SameFile(here, there)
}
