package domain

import (
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// object reports whether an object follows. It skips anything else and reports a problem
// with the given effect.
func (d *decoder) object(p *Path, effect string) bool {
	if d.Kind() == jsonscan.Object {
		return true
	}
	d.unexpected(p, "an object", effect)
	return false
}

// array is object for arrays, which it enters.
func (d *decoder) array(p *Path, effect string) bool {
	if d.Kind() == jsonscan.Array {
		return d.EnterArray()
	}
	d.unexpected(p, "a list", effect)
	return false
}

func (d *decoder) unexpected(p *Path, want, effect string) {
	kind := d.Kind()
	d.Skip()
	d.problem(p, effect, "expected %s, found %s", want, kindName(kind))
}

// null reads null and reports whether there was one.
func (d *decoder) null() bool {
	if d.Kind() != jsonscan.Null {
		return false
	}
	d.Null()
	return true
}

// text reads a string and returns a copy of it. It skips anything else.
func (d *decoder) text() (string, bool) {
	if d.Kind() != jsonscan.String {
		d.Skip()
		return "", false
	}
	return strings.Clone(d.String()), true
}

// name is text for strings that recur in a document.
func (d *decoder) name() (string, bool) {
	if d.Kind() != jsonscan.String {
		d.Skip()
		return "", false
	}
	text := d.String()
	known, ok := d.names[text]
	if !ok {
		known = strings.Clone(text)
		d.names[known] = known
	}
	return known, true
}

// value reads a value and returns a copy of it.
func (d *decoder) value() Value {
	v := ReadValue(&d.Scanner)
	v.text = strings.Clone(v.text)
	return v
}

// number reads a value and reports whether it is a number in the range of float64.
func (d *decoder) number() (v Value, ok bool) {
	v = d.value()
	_, ok = v.Float()
	return v, ok
}

// integer reads an integer of 64 bits. It skips anything else.
func (d *decoder) integer() (int64, bool) {
	if d.Kind() != jsonscan.Number {
		d.Skip()
		return 0, false
	}
	return jsonscan.Int64(d.Number())
}

func (d *decoder) optionalBool(p *Path) *bool {
	switch d.Kind() {
	case jsonscan.Bool:
		b := d.Bool()
		return &b
	case jsonscan.Null:
		d.Null()
	default:
		d.unexpected(p, "true, false or null", "it is treated as null")
	}
	return nil
}

// timeLayouts are the forms of ISO 8601 that Flagsmith writes; without a zone it
// is UTC. A fraction of a second is accepted by all of them.
var timeLayouts = [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"}

func (d *decoder) time(p *Path) time.Time {
	const effect = "every fetch is unconditional, and an older document is not recognised"
	if d.Kind() != jsonscan.String {
		d.unexpected(p, "a time in ISO 8601", effect)
		return time.Time{}
	}
	text, _ := d.text()
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	d.problem(p, effect, "%q is not a time in ISO 8601", clip(text))
	return time.Time{}
}

func kindName(k jsonscan.Kind) string {
	return [...]string{"nothing", "null", "true or false", "a number", "a text", "a list", "an object"}[k]
}

// clip shortens a text of a document for a message.
func clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}
