package filestore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

// head is all about a document or a state but its body.
type head struct {
	Key       []byte        `json:"key"` // any bytes, which JSON has in base64
	Version   ports.Version `json:"version"`
	UpdatedAt int64         `json:"updated_at"` // microseconds since 1970, which any time has
	CheckedAt int64         `json:"checked_at"`
	Size      int           `json:"size"`
	SHA256    string        `json:"sha256"`
}

// entry is where a document or a state is kept.
type entry struct {
	directory
	key  string
	home string
}

func (d directory) entry(part, key string) entry {
	return entry{d, key, path.Join(part, hash([]byte(key)))}
}

const (
	headFile   = "head"
	bodyPrefix = "body-"
)

func (e entry) bodyFile(v ports.Version) string { return path.Join(e.home, bodyPrefix+string(v)) }

func corrupt(why string) error { return fmt.Errorf("%w: %s", ports.ErrCorrupt, why) }

// readHead returns the head. Errors: ports.ErrNotFound, ports.ErrCorrupt, those of
// the file system.
func (e entry) readHead() (head, error) {
	h, err := e.directory.readHead(e.home)
	if err == nil && string(h.Key) != e.key {
		return head{}, corrupt("it is another key's")
	}
	return h, err
}

func (d directory) readHead(home string) (head, error) {
	content, err := d.ReadFile(path.Join(home, headFile))
	switch {
	case absent(err):
		return head{}, ports.ErrNotFound
	case err != nil:
		return head{}, err
	}
	text, sum, _ := bytes.Cut(content, []byte("\n"))
	if string(sum) != hash(text) {
		return head{}, corrupt("the head does not match its checksum")
	}
	var h head
	if err := json.Unmarshal(text, &h); err != nil {
		return head{}, corrupt(err.Error())
	}
	return h, nil
}

// writeHead puts h in the place of the head. The caller has the lock.
func (e entry) writeHead(h head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return e.replace(path.Join(e.home, headFile), append(append(text, '\n'), hash(text)...), synced)
}

// read returns the head and the body, which is the caller's own. It needs no lock:
// when the body is not there any more, the head has changed and is read again.
// Errors: as readHead, and ctx's.
func (e entry) read(ctx context.Context) (head, []byte, error) {
	h, err := e.readHead()
	for err == nil {
		body, bodyErr := e.ReadFile(e.bodyFile(h.Version))
		switch {
		case bodyErr == nil && (len(body) != h.Size || hash(body) != h.SHA256):
			return h, nil, corrupt("the body does not match its checksum")
		case bodyErr == nil:
			return h, body, nil
		case !absent(bodyErr):
			return h, nil, bodyErr
		}
		former := h.Version
		if h, err = e.readHead(); err == nil && h.Version == former {
			return h, nil, corrupt("the body is missing")
		}
		if ctx.Err() != nil {
			return h, nil, ctx.Err()
		}
	}
	return h, nil, err
}

// version returns the version, "" without an entry or with one that cannot be
// read: of the body, too, if whole is set. Errors: those of the file system, and
// ctx's.
func (e entry) version(ctx context.Context, whole bool) (ports.Version, error) {
	h, err := e.readHead()
	if err == nil && whole {
		h, _, err = e.read(ctx)
	}
	if errors.Is(err, ports.ErrNotFound) || errors.Is(err, ports.ErrCorrupt) {
		return "", nil
	}
	return h.Version, err
}

// write replaces the entry by body and the times of h, if its version is still
// ifVersion. The caller has the lock. Errors: ports.ErrConflict, those of the file
// system, and ctx's.
func (e entry) write(ctx context.Context, h head, body []byte, ifVersion ports.Version) (ports.Version, error) {
	// What is corrupt counts as absent. To find out takes reading the body; that is
	// done only where nothing is expected to be there.
	v, err := e.version(ctx, ifVersion == "")
	switch {
	case err != nil:
		return "", err
	case v != ifVersion:
		return "", ports.ErrConflict
	}
	for _, name := range []string{path.Dir(e.home), e.home} {
		if err := e.makeDirectory(name); err != nil {
			return "", err
		}
	}
	h.Key, h.Size, h.SHA256 = []byte(e.key), len(body), hash(body)
	h.Version = ports.Version(rand.Text()) // never comes again, whatever is lost
	if err := e.directory.write(e.bodyFile(h.Version), body, synced); err != nil {
		return "", err
	}
	if err := e.writeHead(h); err != nil {
		return "", err
	}
	e.sweep(h.Version)
	return h.Version, nil
}

// sweep removes all bodies but that of version v: the former one, and what a crash
// has left. What cannot be removed now is swept the next time.
func (e entry) sweep(v ports.Version) {
	files, err := e.names(e.home)
	if err != nil {
		return
	}
	for _, file := range files {
		if strings.HasPrefix(file, bodyPrefix) && file != bodyPrefix+string(v) {
			_ = e.Remove(path.Join(e.home, file))
		}
	}
}

// remove removes the entry and reports whether there was one. The head goes first:
// without it, the rest is nothing. The caller has the lock.
func (e entry) remove() (found bool, err error) {
	err = e.Remove(path.Join(e.home, headFile))
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(e.RemoveAll(e.home), e.sync(path.Dir(e.home)))
}
