package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/tailscale/hujson"

	"github.com/edge-proxy/edge-proxy/domain"
)

// A kind is what all settings of one Go type have in common.
type kind struct {
	name string // in docs/configuration.md
	// literals are the JSON values the file may hold, beside null for settings
	// that may be unset: '"' a text, '0' a number, 't' a boolean, '[' a list,
	// '{' an object.
	literals string
	// confidential values may hold secrets; they can be read from files.
	confidential bool
	nullable     bool // null is a value
	number       bool // rendered without quotes
	allowed      func(d *definition) string
	// parse makes the value of the Go type. Errors are errNotAllowed, *reason or
	// *ProblemsError.
	parse func(l *loader, d *definition, text string) (any, error)
	// show returns a text that is not allowed as a message has it; nil is quote.
	show func(text string) string
	// effective returns a value of the Go type as operators see it, in JSON and without
	// secrets; nil is unset. A kind whose values are shown by their JSON form has none.
	effective func(value any) any
}

// structured reports whether the kind's texts are JSON.
func (k *kind) structured() bool { return strings.ContainsAny(k.literals, "[{") }

// takes reports whether the file may hold a JSON value that begins like k.
func (k *kind) takes(literal hujson.Kind) bool {
	if literal == 'f' {
		literal = 't'
	}
	return strings.IndexByte(k.literals, byte(literal)) >= 0
}

// isList reports whether the kind's values are lists of texts, which may also
// be written as one text.
func (k *kind) isList() bool { return k.takes('"') && k.takes('[') }

// kinds returns the kind of each Go type a setting may have.
func kinds() map[reflect.Type]*kind {
	return map[reflect.Type]*kind{
		reflect.TypeFor[bool](): {
			name: "boolean", literals: `"0t`, number: true,
			allowed: always("true or false (also yes, no, on, off, 1, 0)"),
			parse:   func(_ *loader, _ *definition, text string) (any, error) { return boolean(text) },
		},
		reflect.TypeFor[int]():   wholeNumberKind(func(n int64) any { return int(n) }),
		reflect.TypeFor[int64](): wholeNumberKind(func(n int64) any { return n }),
		reflect.TypeFor[float64](): {
			name: "number", literals: `"0`, number: true,
			allowed: func(d *definition) string { return "a number" + d.bounds() },
			parse: func(_ *loader, d *definition, text string) (any, error) {
				n, err := realNumber(text)
				if err != nil || !d.within(n) {
					return nil, errNotAllowed
				}
				return n, nil
			},
		},
		reflect.TypeFor[time.Duration](): {
			name: "seconds", literals: `"0`, number: true,
			allowed:   func(d *definition) string { return "a number of seconds" + d.bounds() },
			parse:     func(_ *loader, d *definition, text string) (any, error) { return seconds(d, text) },
			effective: func(value any) any { return value.(time.Duration).Seconds() },
		},
		reflect.TypeFor[GracePeriod](): {
			name: "seconds or null", literals: `"0`, number: true, nullable: true,
			allowed:   func(d *definition) string { return "null or a number of seconds" + d.bounds() },
			parse:     func(_ *loader, d *definition, text string) (any, error) { return gracePeriod(d, text) },
			effective: effectiveGrace,
		},
		reflect.TypeFor[string](): {
			name: "text", literals: `"`, allowed: allowedText,
			parse: func(l *loader, d *definition, text string) (any, error) {
				text, err := plainText(d, text)
				if d.check == "path" && err == nil {
					text = l.path(text)
				}
				return text, err
			},
		},
		reflect.TypeFor[OptionalPort](): optionalPortKind(),
		reflect.TypeFor[[]CertificateRule](): {
			name: "list of rules", literals: "[",
			allowed: always(allowedRules),
			parse:   func(l *loader, d *definition, text string) (any, error) { return parseRules(l, d, text) },
			show:    func(text string) string { return quote(domain.RedactServerKeys(text)) },
		},
		reflect.TypeFor[URL](): {
			name: "URL", literals: `"`, confidential: true, allowed: allowedURL,
			parse:     func(l *loader, d *definition, text string) (any, error) { return parseURL(l, d, text) },
			show:      func(text string) string { return quote(domain.RedactURL(text)) },
			effective: effectiveText,
		},
		reflect.TypeFor[Secret](): {
			name: "secret", literals: `"`, confidential: true, allowed: allowedText,
			parse: func(_ *loader, d *definition, text string) (any, error) {
				text, err := plainText(d, text)
				return NewSecret(text), err
			},
			show:      func(text string) string { return quote(mask(text)) },
			effective: effectiveText,
		},
		reflect.TypeFor[[]string](): {
			name: "list of texts", literals: `"[`,
			allowed: always("a list of origins such as https://www.example.com, or *; a variable may separate them by commas"),
			parse:   func(l *loader, d *definition, text string) (any, error) { return parseOrigins(l, d, text) },
		},
		reflect.TypeFor[TrustedPeers](): {
			name: "list of addresses", literals: `"[`,
			allowed:   always("addresses and CIDR ranges separated by commas, or *"),
			parse:     func(_ *loader, _ *definition, text string) (any, error) { return parsePeers(text) },
			effective: effectivePeers,
		},
		reflect.TypeFor[Networks](): {
			name: "list of addresses", literals: `"[`,
			allowed: always("addresses and CIDR ranges such as 192.0.2.0/24; a variable may separate them by commas"),
			parse:   func(_ *loader, _ *definition, text string) (any, error) { return parseNetworks(text) },
		},
		reflect.TypeFor[[]KeyPair](): {
			name: "list of key pairs", literals: "[", confidential: true,
			allowed:   always(`a list of objects with "server_side_key" and "client_side_key"`),
			parse:     func(l *loader, d *definition, text string) (any, error) { return parseKeyPairs(l, d, text) },
			show:      func(string) string { return quote(masked) },
			effective: effectivePairs,
		},
		reflect.TypeFor[json.RawMessage](): {
			name: "object", literals: "{",
			allowed: always("a JSON object"),
			parse:   func(_ *loader, _ *definition, text string) (any, error) { return parseObject(text) },
		},
	}
}

// always returns the allowed of a kind whose settings all allow the same.
func always(text string) func(*definition) string { return func(*definition) string { return text } }

func wholeNumberKind(convert func(int64) any) *kind {
	return &kind{
		name: "whole number", literals: `"0`, number: true,
		allowed: func(d *definition) string { return "a whole number" + d.bounds() },
		parse: func(_ *loader, d *definition, text string) (any, error) {
			n, err := wholeNumber(text)
			if err != nil || !d.within(float64(n)) {
				return nil, errNotAllowed
			}
			return convert(n), nil
		},
	}
}

func optionalPortKind() *kind {
	k := wholeNumberKind(func(n int64) any { return OptionalPort{Number: int(n), Chosen: true} })
	k.effective = func(value any) any { return value.(OptionalPort).Number }
	return k
}

// kindOf returns the kind of a Go type. A type without one is a mistake in the
// program and panics.
func kindOf(t reflect.Type) *kind {
	k, ok := kinds()[t]
	if !ok {
		panic(fmt.Sprintf("config: no kind for a setting of type %s", t))
	}
	return k
}
