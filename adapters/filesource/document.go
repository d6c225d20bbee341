package filesource

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/ports"
)

// edition identifies a usable document that was returned.
type edition struct {
	digest    [sha256.Size]byte
	updatedAt time.Time
}

// FetchDocument reads the document of an environment. It ignores the server-side
// key.
//
// The document is not modified when the request is conditional on exactly the
// updated_at of the document that was last returned for the environment, that
// document was usable, and the file still has the same content. The times of the
// file are ignored, since copying and archives set them back. So an edit that left
// updated_at as it was is noticed, and a document that was refused never confirms
// the one before it.
//
// Errors: ctx's when it ended, otherwise a *ports.FetchError that says which file
// to create or repair.
func (s *Source) FetchDocument(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	if err := ctx.Err(); err != nil {
		return ports.Document{}, err
	}
	name, err := fileName(r.Environment)
	if err != nil {
		return ports.Document{}, &ports.FetchError{Err: err, Cause: "a document in a directory needs a key without slashes"}
	}
	body, err := s.readFile(name)
	body = bytes.TrimPrefix(body, []byte(domain.ByteOrderMark))
	if err != nil {
		return ports.Document{}, s.explain(name, err)
	}
	if err := ctx.Err(); err != nil {
		return ports.Document{}, err
	}
	return s.judge(r, name, body)
}

// judge decides whether body is new to the caller, and refuses what is not a usable
// document.
func (s *Source) judge(r ports.DocumentRequest, name string, body []byte) (ports.Document, error) {
	digest := sha256.Sum256(body)
	s.mu.Lock()
	last, known := s.returned[r.Environment]
	s.mu.Unlock()
	known = known && last.digest == digest
	if known && !r.IfModifiedSince.IsZero() && r.IfModifiedSince.Equal(last.updatedAt) {
		return ports.Document{NotModified: true}, nil
	}
	if known {
		return ports.Document{Body: body}, nil
	}
	text := string(body)
	environment, _, err := domain.ParseEnvironment(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.returned, r.Environment)
		return ports.Document{}, s.refuse(name, text, err)
	}
	s.returned[r.Environment] = edition{digest, environment.UpdatedAt}
	return ports.Document{Body: body}, nil
}

// refuse returns why a file is not a usable document, where err is the parser's reason.
func (s *Source) refuse(name, text string, err error) *ports.FetchError {
	e := &ports.FetchError{
		Cause: "the file must have what Flagsmith answers as an environment document",
		Err:   fmt.Errorf("%s: %w", filepath.Join(s.directory, name), err),
	}
	plain := domain.NotJSON(text)
	var syntax *jsonscan.SyntaxError
	switch {
	case plain != "":
		e.Err = fmt.Errorf("%s: %w: it %s", filepath.Join(s.directory, name), jsonscan.ErrSyntax, plain)
	case !errors.As(err, &syntax):
	case !utf8.ValidString(text):
		e.Cause = "the file must be in UTF-8"
	case syntax.Offset >= len(text):
		e.Cause = "it is perhaps being written: rename a finished file over it instead"
	}
	return e
}

// errTooLarge: the file exceeds the limit.
var errTooLarge = fmt.Errorf("%w", ports.ErrDocumentTooLarge)

// readFile reads a file of the directory. Links are followed as long as they stay
// within it. The directory is opened each time, since it may be a link that
// leads to another one by now.
func (s *Source) readFile(name string) ([]byte, error) {
	root, err := os.OpenRoot(s.directory)
	if err != nil {
		return nil, errDirectory{err}
	}
	defer func() { _ = root.Close() }()
	// Before it is opened, since opening a pipe would wait for its other end.
	info, err := root.Stat(name)
	if err != nil {
		info = nil
	}
	s.mu.Lock()
	s.read[name] = info
	s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > s.limit:
		return nil, errTooLarge
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var body bytes.Buffer
	body.Grow(int(info.Size()) + bytes.MinRead)
	// It may have grown meanwhile.
	if _, err := body.ReadFrom(io.LimitReader(file, s.limit+1)); err != nil {
		return nil, err
	}
	if int64(body.Len()) > s.limit {
		return nil, errTooLarge
	}
	return body.Bytes(), nil
}

// errDirectory is the failure to open the directory.
type errDirectory struct{ error }

func (e errDirectory) Unwrap() error { return e.error }

// explain says what to do about a file that cannot be read.
func (s *Source) explain(name string, err error) *ports.FetchError {
	path, what := filepath.Join(s.directory, name), "that file with the environment document"
	ofDirectory := errors.As(err, &errDirectory{})
	if ofDirectory {
		what = fmt.Sprintf("the directory %s with that file in it", s.directory)
	}
	reason := err
	if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
		reason = inner.Err // without the name of the system call
	}
	e := &ports.FetchError{Err: fmt.Errorf("%s: %w", path, reason)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Cause = fmt.Sprintf("create %s, or correct api_url", what)
	case errors.Is(err, fs.ErrPermission):
		e.Cause = "let the user of this program" + user() + " read the file and its directory"
	case ofDirectory:
		e.Cause = "api_url must name the directory of the documents, not a file"
	case errors.Is(err, errTooLarge):
		e.Cause = fmt.Sprintf("max_document_bytes or the memory limit allows %d bytes: raise both if the document is meant to be so large; it takes up to 8 times its size in memory", s.limit)
	default:
		e.Cause = "it must be a regular file, or a link to one that does not lead out of the directory"
	}
	return e
}

// user returns the number of the user that this program runs as, where systems have
// such numbers.
func user() string {
	if id := os.Geteuid(); id >= 0 {
		return fmt.Sprintf(" (uid %d)", id)
	}
	return ""
}
