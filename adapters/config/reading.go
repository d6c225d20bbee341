package config

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
)

// Reading reads files for one Load as its Source.ReadFile, and remembers them so that
// changes can be found later. It is for one goroutine. The zero Reading is for the
// first Load, Again returns one for the next.
type Reading struct {
	further bool
	held    map[string]content // not to be read
	there   map[string]bool    // files that the one before found
	read    map[string]content
}

type content struct {
	bytes []byte
	err   error
}

// errGone and errOnce are why a file cannot be read for a further load.
var (
	errGone = errors.New("it was there before and is gone")
	errOnce = errors.New("it is not a regular file, so it was read only once, at the start")
)

// Again returns a Reading for another Load. Files in held are not read again; they
// keep the content that r found. A file that r found must still exist: otherwise an
// empty configuration would apply while somebody replaces the file.
func (r *Reading) Again(held ...string) *Reading {
	next := &Reading{further: true, held: map[string]content{}, there: map[string]bool{}}
	for name, c := range r.read {
		next.there[name] = c.err == nil
	}
	for _, name := range held {
		if c, known := r.read[name]; known {
			next.held[name] = c
		}
	}
	return next
}

// ReadFile reads a file as os.ReadFile does, see Reading and Again.
func (r *Reading) ReadFile(name string) ([]byte, error) {
	c, done := r.read[name]
	if !done {
		c, done = r.held[name]
	}
	if !done {
		c.bytes, c.err = r.readFile(name)
	}
	if r.read == nil {
		r.read = map[string]content{}
	}
	r.read[name] = c
	return c.bytes, c.err
}

func (r *Reading) readFile(name string) ([]byte, error) {
	if !r.further {
		return os.ReadFile(name)
	}
	bytes, err := readRegular(name)
	if errors.Is(err, fs.ErrNotExist) && r.there[name] {
		err = errGone
	}
	return bytes, err
}

// Files returns the files that were asked for, whether they exist or not.
func (r *Reading) Files() Files {
	files := Files{}
	for name, c := range r.read {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			continue // a pipe would wait for its other end
		}
		files[name] = fingerprintOf(c.bytes, c.err)
	}
	return files
}

// readRegular reads a regular file. It refuses pipes and devices.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errOnce
	}
	return os.ReadFile(name)
}

// Files are the contents of files at one time, to be watched for changes.
type Files map[string]fingerprint

// fingerprint is the SHA-256 of a file's content, zero for a file that is empty or
// cannot be read.
type fingerprint [sha256.Size]byte

func fingerprintOf(content []byte, err error) fingerprint {
	if err != nil || len(content) == 0 {
		return fingerprint{}
	}
	return sha256.Sum256(content)
}

// Without returns a copy of f without one file.
func (f Files) Without(name string) Files {
	f = maps.Clone(f)
	delete(f, name)
	return f
}

// Merge returns a copy of f with the files of other added or replaced.
func (f Files) Merge(other Files) Files {
	f = maps.Clone(f)
	maps.Copy(f, other)
	return f
}

// now returns the files of f with their present content.
func (f Files) now() Files {
	files := make(Files, len(f))
	for name := range f {
		files[name] = fingerprintOf(readRegular(name))
	}
	return files
}
