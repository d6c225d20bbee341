package bolt

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// scheme begins the store URLs that Open takes.
const scheme = "bolt"

// Schemes returns the schemes of store URLs that Open takes.
func Schemes() []string { return []string{scheme} }

// CheckURL returns what is wrong with a store URL, without touching its file.
func CheckURL(u *url.URL) error {
	_, err := locate(u)
	return err
}

// locate is parseLocation with an error that says what it is about.
func locate(u *url.URL) (string, error) {
	path, err := parseLocation(u)
	if err != nil {
		return "", fmt.Errorf("bolt: store.url: %w", err)
	}
	return path, nil
}

// parseLocation returns the absolute path of the file that u names.
func parseLocation(u *url.URL) (string, error) {
	const forms = `it must be bolt:///absolute/path/documents.db or bolt:relative/path/documents.db`
	switch {
	case u.Scheme != scheme:
		return "", fmt.Errorf("unknown scheme; known is %s", scheme)
	case u.User != nil:
		return "", errors.New("a file has no user or password; " + forms)
	case u.Host != "":
		return "", errors.New("a file has no host: an absolute path begins with three slashes; " + forms)
	case u.Fragment != "":
		return "", errors.New(`a "#" must be written as %23`)
	case u.RawQuery != "":
		return "", parametersRefused(u.RawQuery)
	}
	path := u.Path
	if u.Opaque != "" {
		var err error
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", errors.New(`the path is not properly escaped: a "%" must be written as %25`)
		}
	}
	switch {
	case path == "":
		return "", errors.New("the path is missing; " + forms)
	case strings.ContainsRune(path, 0):
		return "", errors.New("the path holds a zero byte")
	case strings.HasSuffix(path, "/"):
		return "", errors.New("the path must be that of a file, not of a directory; " + forms)
	}
	absolute, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	return absolute, nil
}

func parametersRefused(query string) error {
	unknown := "unknown parameters"
	if values, err := url.ParseQuery(query); err == nil && len(values) > 0 {
		unknown = fmt.Sprintf("unknown parameter %q", slices.Sorted(maps.Keys(values))[0])
	}
	return errors.New(unknown + `; a bolt URL takes none, and a "?" of a file's name must be written as %3F`)
}
