package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// URL is an address that may carry a password. It is valid once loaded; the zero
// value is unset. Formatting, logging or encoding one shows it without user,
// password and secret parameters. URLs are equal under == when their texts are.
type URL struct{ text Secret }

// IsZero reports whether u is unset.
func (u URL) IsZero() bool { return u.text.IsZero() }

// Reveal returns the whole text, secrets included: for connecting, never for
// output.
func (u URL) Reveal() string { return u.text.Reveal() }

// Parse returns a new *url.URL, secrets included; nil when u is unset.
func (u URL) Parse() *url.URL {
	if u.IsZero() {
		return nil
	}
	parsed, err := url.Parse(u.Reveal())
	if err != nil {
		return nil // cannot be: the text was checked when the value was made
	}
	return parsed
}

// String returns the URL without its secrets, "" when unset.
func (u URL) String() string {
	if u.IsZero() {
		return ""
	}
	return domain.RedactURL(u.Reveal())
}

// GoString returns the URL without its secrets.
func (u URL) GoString() string { return u.String() }

// MarshalText returns the URL without its secrets.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// parseURL reads the URL of setting d, whose schemes d lists. A proxy without a
// scheme is an http proxy.
func parseURL(l *loader, d *definition, text string) (URL, error) {
	if d.check == "proxy" && !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return URL{}, urlReason(err)
	case u.Scheme == "":
		return URL{}, errNotAllowed
	case len(d.schemes) == 0: // a store's URL: the store checks the rest
		return URL{NewSecret(text)}, nil
	case !slices.Contains(d.schemes, u.Scheme):
		return URL{}, errNotAllowed
	case u.Scheme == "file" && u.Opaque != "":
		return l.relativeURL(d, u.Opaque)
	case u.Opaque != "":
		return URL{}, errNotAllowed
	case u.Scheme != "file" && domain.RedactURL(text) == domain.MaskedSecret:
		// The part of a password before such a character would be taken for the host.
		return URL{}, &reason{"a URL in which " + escapedSigns}
	case u.Scheme == "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return URL{}, &reason{"a file URL with an absolute path and no host, such as file:///var/lib/documents, or file:documents beside the configuration file"}
		}
	case u.Hostname() == "":
		return URL{}, errNotAllowed
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return URL{}, &reason{"a URL without a query or fragment"}
	}
	if port, err := wholeNumber(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return URL{}, &reason{"a URL with a port from 1 to 65535"}
	}
	if u.Scheme != "file" || u.Path != "/" {
		text = strings.TrimRight(text, "/")
	}
	return URL{NewSecret(text)}, nil
}

// escapedSigns explains most URLs with a password that are wrong.
const escapedSigns = `user and password have "/", "?", "#", "@" and "%" as %2F, %3F, %23, %40 and %25`

// urlReason explains an error of url.Parse.
func urlReason(err error) error {
	var escape url.EscapeError
	var host url.InvalidHostError
	switch {
	case errors.As(err, &escape):
		return &reason{`a URL in which "%" is followed by two hexadecimal digits; a "%" itself is written as %25`}
	case strings.Contains(err.Error(), "invalid port"):
		return &reason{"a URL whose port is a number and in which " + escapedSigns}
	case errors.As(err, &host), strings.Contains(err.Error(), "in host"):
		return &reason{"a URL whose host name has no blanks and special characters"}
	case strings.Contains(err.Error(), "userinfo"):
		return &reason{"a URL in which " + escapedSigns}
	}
	return errNotAllowed
}

// relativeURL returns the file URL of a path that begins at the directory of the
// configuration file, or for variables at the working directory.
func (l *loader) relativeURL(d *definition, path string) (URL, error) {
	path, err := url.PathUnescape(path)
	base := l.src.WorkingDir
	if c := l.settled[d]; c != nil && c.base != "" {
		base = c.base
	}
	path = filepath.Join(base, filepath.FromSlash(path))
	if err != nil || !filepath.IsAbs(path) {
		return URL{}, errNotAllowed
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	return URL{NewSecret(u.String())}, nil
}

// allowedURL describes the URLs that setting d accepts.
func allowedURL(d *definition) string {
	if len(d.schemes) == 0 {
		return "a URL with a scheme, such as memory:"
	}
	return fmt.Sprintf("a URL that begins with %s", choice(prefixed(d.schemes)))
}

func prefixed(schemes []string) []string {
	all := make([]string, len(schemes))
	for i, s := range schemes {
		all[i] = s + "://"
	}
	return all
}
