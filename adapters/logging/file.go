package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fileMode keeps logs, which name clients, from other users.
const fileMode = 0o640

// rotateRetry is the time before a rotation that failed is tried again. The file
// stays in use meanwhile.
const rotateRetry = time.Minute

// rotation decides when a file is rotated, and rotates it.
type rotation interface {
	// due reports whether the file, which holds size bytes, has to be rotated
	// before next more bytes are written.
	due(size, next int64, now time.Time) bool
	// rotate renames the closed file and plans the next rotation.
	rotate(path string, now time.Time) error
}

// file is an outlet that owns a file of lines, opened for appending.
type file struct {
	path     string
	rotate   rotation // nil for never
	now      func() time.Time
	truncate bool // the first time it is opened

	f       *os.File // nil while not open
	size    int64
	torn    bool // the last write ended inside a line
	closed  bool
	retryAt time.Time // no rotation before that
}

// checkParent returns an error unless the directory of a log file exists. The
// directory is never created, so that a mistyped path is noticed.
func checkParent(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("directory %s does not exist", show(dir))
	case err != nil:
		return fmt.Errorf("directory of the file: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", show(dir))
	}
	return nil
}

// open opens the file.
func (o *file) open() error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if o.truncate {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(o.path, flags, fileMode)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o.f, o.size, o.truncate = f, info.Size(), false
	o.torn = o.torn && o.size > 0
	return nil
}

func (o *file) write(lines []byte) (int, error) {
	if o.rotate == nil {
		return o.append(lines)
	}
	now := o.now()
	var failed error
	written, from := 0, 0 // lines[from:at] fits the file as it is
	for at := 0; at < len(lines); {
		end := at + bytes.IndexByte(lines[at:], '\n') + 1
		if end == at {
			end = len(lines)
		}
		if err := o.ensure(); err != nil {
			return written, errors.Join(failed, err)
		}
		if !now.Before(o.retryAt) && o.rotate.due(o.size+int64(at-from), int64(end-at), now) {
			n, err := o.append(lines[from:at])
			written += n
			if err != nil {
				return written, errors.Join(failed, err)
			}
			from = at
			failed = errors.Join(failed, o.turn(now))
		}
		at = end
	}
	n, err := o.append(lines[from:])
	return written + n, errors.Join(failed, err)
}

// turn rotates. A failure leaves the file in use.
func (o *file) turn(now time.Time) error {
	err := o.f.Close()
	o.f = nil
	err = errors.Join(err, o.rotate.rotate(o.path, now))
	if err != nil {
		o.retryAt = now.Add(rotateRetry)
		return fmt.Errorf("rotating %s: %w", show(o.path), err)
	}
	return nil
}

// ensure opens a file that is not open. After a failure it tries again, since the
// cause may be gone.
func (o *file) ensure() error {
	if o.closed {
		return os.ErrClosed
	}
	if o.f != nil {
		return nil
	}
	return o.open()
}

func (o *file) append(lines []byte) (int, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	if err := o.ensure(); err != nil {
		return 0, err
	}
	if o.torn {
		n, err := o.f.Write([]byte("\n"))
		o.size += int64(n)
		if err != nil {
			return 0, err
		}
		o.torn = false
	}
	n, err := o.f.Write(lines)
	o.size += int64(n)
	o.torn = n > 0 && lines[n-1] != '\n'
	return n, err
}

func (o *file) close() error {
	o.closed = true
	if o.f == nil {
		return nil
	}
	f := o.f
	o.f = nil
	return f.Close()
}
