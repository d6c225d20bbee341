package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
)

// directory is the store's directory while a call uses it. Names are relative to it
// and have slashes.
type directory struct{ *os.Root }

// The parts of the directory.
const (
	lockFile   = "lock"
	changeFile = "changes"
	records    = "records"
	states     = "states"
	leasesFile = "leases.json"
)

// hash returns the SHA-256 of content in hexadecimal: checksums, and names that any
// file system accepts and distinguishes.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// absent reports whether err says that a file is not there.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// makeDirectory makes a directory, unless it is there.
func (d directory) makeDirectory(name string) error {
	if err := d.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// names returns what is in a directory; in one that is not there is nothing.
func (d directory) names(name string) ([]string, error) {
	opened, err := d.Open(name)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }()
	return opened.Readdirnames(-1)
}

// durability is whether something has to be on the disk before it counts as done,
// to survive a loss of power. A crash of the process loses nothing that was written,
// synced or not.
type durability bool

const (
	synced   durability = true
	unsynced durability = false
)

// write makes a file.
func (d directory) write(name string, content []byte, how durability) error {
	file, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(content); err == nil && how == synced {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// replace puts content in the place of a file at once: a reader finds the
// former content or the new one. The caller has the lock, and with it the name that
// the new file has at first.
func (d directory) replace(name string, content []byte, how durability) error {
	if err := d.write(name+".new", content, how); err != nil {
		return err
	}
	if err := d.Rename(name+".new", name); err != nil || how == unsynced {
		return err
	}
	return d.sync(path.Dir(name))
}

// sync has on the disk what was made, renamed or removed in a directory.
func (d directory) sync(name string) error {
	opened, err := d.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
