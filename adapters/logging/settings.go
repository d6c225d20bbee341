package logging

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain"
)

// problems collects what is wrong with the settings, so that one start shows
// all of it.
type problems struct{ list []error }

// add reports the value at a path: "PATH: VALUE: what is wrong or allowed".
func (p *problems) add(path string, v any, format string, args ...any) {
	p.note("%s: %s: %s", path, show(v), fmt.Sprintf(format, args...))
}

func (p *problems) note(format string, args ...any) {
	p.list = append(p.list, errors.New(string(domain.RedactServerKeysInPlace(fmt.Appendf(nil, format, args...)))))
}

func (p *problems) err() error { return errors.Join(p.list...) }

// show writes a value of the settings in an error: as JSON, on one line, not
// too long, without server-side keys.
func show(v any) string {
	const most = 120
	text, isJSON := render(v)
	if s, ok := v.(string); ok {
		text = string(appendJSONString(nil, s))
	} else if !isJSON {
		text = string(appendJSONString(nil, text))
	}
	text = string(domain.RedactServerKeysInPlace([]byte(text)))
	if len(text) > most {
		cut := most
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}

// join appends a key to a path, in quotes unless it is one plain word.
func join(path, key string) string {
	if strings.Contains(key, ".") {
		return path + "." + strconv.Quote(key)
	}
	return string(appendToken([]byte(path+"."), key))
}

// object reads one JSON object of the settings. A key that is absent or null
// yields the default given for it; a wrong value is reported and does too.
type object struct {
	path    string
	members map[string]any
	p       *problems
}

// asObject reports a value that is not an object; ok is false then.
func asObject(path string, v any, p *problems) (o object, ok bool) {
	m, ok := v.(map[string]any)
	if !ok {
		p.add(path, v, "must be an object")
	}
	return object{path: path, members: m, p: p}, ok
}

func (o object) has(key string) bool { return o.members[key] != nil }

func (o object) keys() []string { return slices.Sorted(maps.Keys(o.members)) }

func (o object) problem(key, format string, args ...any) {
	o.p.add(join(o.path, key), o.members[key], format, args...)
}

// child reads an object of objects' level below; an absent one is empty.
func (o object) child(key string) object {
	c := object{path: join(o.path, key), p: o.p}
	if o.has(key) {
		c, _ = asObject(c.path, o.members[key], o.p)
	}
	return c
}

// only reports the keys that are not allowed. Null is as good as absent.
func (o object) only(allowed ...string) {
	for _, k := range o.keys() {
		if !slices.Contains(allowed, k) && o.members[k] != nil {
			o.problem(k, "unknown key; allowed are %s", strings.Join(allowed, ", "))
		}
	}
}

func (o object) text(key, otherwise string) string {
	switch v := o.members[key].(type) {
	case nil:
	case string:
		return v
	default:
		o.problem(key, "must be text")
	}
	return otherwise
}

// oneOf reads a text out of a few, in any case.
func (o object) oneOf(key, otherwise string, allowed ...string) string {
	v := o.text(key, otherwise)
	for _, a := range allowed {
		if strings.EqualFold(v, a) {
			return a
		}
	}
	o.problem(key, "allowed are %s", strings.Join(allowed, ", "))
	return otherwise
}

// boolean reads true or false, also as text.
func (o object) boolean(key string, otherwise bool) bool {
	switch v := o.members[key].(type) {
	case nil:
		return otherwise
	case bool:
		return v
	case string:
		switch strings.ToLower(v) {
		case "true", "yes", "on", "1":
			return true
		case "false", "no", "off", "0":
			return false
		}
	}
	o.problem(key, "must be true or false")
	return otherwise
}

// integer reads a whole number of at least lowest, also as text.
func (o object) integer(key string, lowest, otherwise int64) int64 {
	if !o.has(key) {
		return otherwise
	}
	n, ok := wholeNumber(o.members[key])
	if !ok || n < lowest {
		o.problem(key, "must be a whole number, %d or more", lowest)
		return otherwise
	}
	return n
}

func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		// Beyond 2^53 a float64 no longer tells whole numbers apart.
		return int64(v), v == math.Trunc(v) && math.Abs(v) <= 1<<53
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// texts reads a list of texts; nil when absent.
func (o object) texts(key string) []string {
	switch v := o.members[key].(type) {
	case nil:
		return nil
	case []string:
		return v
	case []any:
		list := make([]string, 0, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				o.p.add(fmt.Sprintf("%s[%d]", join(o.path, key), i), e, "must be text")
				continue
			}
			list = append(list, s)
		}
		return list
	}
	o.problem(key, "must be a list")
	return nil
}

// none reports a key that Python knows and this proxy has nothing for, unless
// it is empty.
func (o object) none(key, why string) {
	switch v := o.members[key].(type) {
	case nil:
		return
	case []any:
		if len(v) == 0 {
			return
		}
	case map[string]any:
		if len(v) == 0 {
			return
		}
	}
	o.problem(key, "%s", why)
}
