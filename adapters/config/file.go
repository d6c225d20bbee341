package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// configPathKey is the key of the setting that names the configuration file.
const configPathKey = "config_path"

// configPath returns the configuration file as the operator wrote it, and where it
// was named, "" for the default.
func (l *loader) configPath() (name, origin string) {
	d := l.byVariable["CONFIG_PATH"]
	for _, o := range l.src.Overrides {
		if o.Key == d.key {
			return o.Value, o.Origin
		}
	}
	if v, ok := l.lookup(d, d.variable); ok && strings.TrimSpace(v.value) != "" {
		return strings.TrimSpace(v.value), "variable CONFIG_PATH"
	}
	return d.fallback, ""
}

// Path returns the configuration file that src names, or the default. Unlike Load
// it does not ask whether the configuration is right.
func Path(src Source) string {
	name, _ := newLoader(src).configPath()
	return name
}

// shownPath is the configuration file in messages.
func (l *loader) shownPath() string {
	name, _ := l.configPath()
	return oneLine(name)
}

// loadFile reads the configuration file, the lowest layer. A file that does not
// exist is an empty one.
func (l *loader) loadFile() {
	name, from := l.configPath()
	shown := oneLine(name)
	named := from != ""
	if !named {
		from = "the default path"
	}
	refuse := func(value string) {
		l.report(Problem{Key: shown, Value: value, Allowed: "a file that holds a JSON object; comments and trailing commas are allowed", Origin: from})
	}
	content, err := l.readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.noFile = true
		if named {
			l.warn(shown, "the configuration file does not exist, variables and defaults are used", from)
		}
		return
	case err != nil:
		refuse("not readable: " + cause(err))
		return
	}
	content = braced(content)
	value, err := parseJSON(content)
	if err != nil {
		refuse(err.Error())
		return
	}
	object, ok := value.Value.(*hujson.Object)
	if !ok {
		refuse(describe(value.Value, true))
		return
	}
	l.fileDir = filepath.Dir(l.path(name))
	l.loadObject(l.root, object, func(v hujson.Value) origin {
		return inFile(shown, 1+bytes.Count(content[:v.StartOffset], []byte("\n")))
	})
}

// braced makes the content of a file an object: one that begins with a key, as
// the examples of Flagsmith's documentation do, gets its braces.
func braced(content []byte) []byte {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !bytes.HasPrefix(bytes.TrimSpace(content), []byte(`"`)) {
		return content
	}
	return slices.Concat([]byte("{"), content, []byte("\n}"))
}

// readFile reads a file, whose path may be relative.
func (l *loader) readFile(name string) ([]byte, error) {
	if l.src.ReadFile == nil {
		return nil, fs.ErrNotExist
	}
	return l.src.ReadFile(l.path(name))
}

// readSecret reads a file that holds one value, without the blanks around it. An
// empty file is one that is still being written, or a mistake: it does not unset
// the value. The Problem is about no key yet.
func (l *loader) readSecret(name string) (string, *Problem) {
	content, err := l.readFile(name)
	if err != nil {
		return "", &Problem{Value: fmt.Sprintf("in the file %s, which is not readable: %s", quote(name), cause(err)), Allowed: "a file that can be read"}
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", &Problem{Value: fmt.Sprintf("in the file %s, which is empty", quote(name)), Allowed: "a file that holds the value"}
	}
	return text, nil
}

// cause is a file error without operation and path, which are known.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return oneLine(err.Error())
}

// loadObject settles the members of a section; at returns where a value is.
func (l *loader) loadObject(section *node, object *hujson.Object, at func(hujson.Value) origin) {
	members := map[*node]hujson.ObjectMember{} // the one of each that counts
	var order []*node
	for _, m := range object.Members {
		name := m.Name.Value.(hujson.Literal).String()
		shown := strings.TrimPrefix(section.key+"."+oneLine(name), ".")
		child, alias := section.child(name)
		if child == nil {
			l.warnUnknown(shown, name, l.suggestKey(section, name), at(m.Name).text)
			continue
		}
		if child.definition != nil && child.definition.environmentOnly {
			l.ignore(shown, "is ignored in the file; set the variable "+child.variable, at(m.Name).text)
			continue
		}
		earlier, again := members[child]
		switch {
		case !again:
			order = append(order, child)
		case alias && earlier.Name.Value.(hujson.Literal).String() == child.name:
			l.ignore(shown, "is ignored, since "+child.key+" is there too", at(m.Name).text)
			continue
		default:
			l.warn(child.key, "is there twice; the one here counts", at(m.Name).text)
		}
		members[child] = m
	}
	for _, child := range order {
		value := members[child].Value
		if child.definition != nil {
			from := at
			if written := members[child].Name.Value.(hujson.Literal).String(); written != child.name {
				from = func(v hujson.Value) origin { return at(v).writtenAs(written) }
			}
			l.settle(child.definition, l.candidate(child.definition, value, from))
			continue
		}
		l.loadSection(child, value, at)
	}
}

// loadSection settles what value says about a section; null says nothing.
func (l *loader) loadSection(section *node, value hujson.Value, at func(hujson.Value) origin) {
	switch v := value.Value.(type) {
	case *hujson.Object:
		l.loadObject(section, v, at)
		return
	case hujson.Literal:
		if v.Kind() == 'n' {
			return
		}
	}
	l.report(Problem{Key: section.key, Value: describe(value.Value, section.confidential()), Allowed: "a JSON object", Origin: at(value).text})
}

// warnUnknown warns of a key that is not a setting. Keys that begin with "$" or "_" are
// comments by convention.
func (l *loader) warnUnknown(key, name, like, origin string) {
	switch {
	case like != "":
		l.ignore(key, "is not a setting and is ignored; did you mean "+like+"?", origin)
	case !strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "_"):
		l.ignore(key, "is not a setting and is ignored", origin)
	}
}

// candidate converts a JSON value to the form of a variable.
func (l *loader) candidate(d *definition, value hujson.Value, from func(hujson.Value) origin) *candidate {
	at := from(value)
	refuse := func(shown, allowed string) *candidate {
		return &candidate{origin: at, problem: &Problem{Key: d.key, Value: shown, Allowed: allowed, Origin: at.text}}
	}
	switch v := value.Value.(type) {
	case hujson.Literal:
		text, isText := literalText(v)
		switch {
		case v.Kind() == 'n' && d.kind.nullable:
			return &candidate{text: "null", origin: at}
		case v.Kind() == 'n' && d.optional:
			return &candidate{origin: at}
		case !d.kind.takes(v.Kind()):
		case isText && d.kind.isList(): // one element, whatever it holds
			return &candidate{text: "[" + string(hujson.String(text)) + "]", origin: at}
		case isText:
			return &candidate{text: text, origin: at, base: l.fileDir}
		default:
			return &candidate{text: string(v), origin: at}
		}
	case *hujson.Array:
		if d.kind.takes('[') {
			c := &candidate{text: standard(value), origin: at}
			for _, e := range v.Elements {
				c.elements = append(c.elements, from(e).text)
			}
			return c
		}
	case *hujson.Object:
		if d.kind.takes('{') {
			return &candidate{text: standard(value), origin: at}
		}
		if path, ok := fileReference(v); ok && d.kind.confidential {
			text, wrong := l.readSecret(path)
			if wrong != nil {
				return refuse(wrong.Value, wrong.Allowed)
			}
			return &candidate{text: text, origin: at.secretFile()}
		}
	}
	return refuse(describe(value.Value, d.kind.confidential), d.kind.allowed(d))
}

// fileReference returns the path in {"file": "path"}, which may stand for any
// value that can be secret.
func fileReference(value hujson.ValueTrimmed) (string, bool) {
	object, ok := value.(*hujson.Object)
	if !ok || len(object.Members) != 1 || object.Members[0].Name.Value.(hujson.Literal).String() != "file" {
		return "", false
	}
	path, ok := literalText(object.Members[0].Value.Value)
	return path, ok && path != ""
}

func literalText(value hujson.ValueTrimmed) (string, bool) {
	literal, ok := value.(hujson.Literal)
	if !ok || literal.Kind() != '"' {
		return "", false
	}
	return literal.String(), true
}

// describe shows a JSON value of the wrong type.
func describe(value hujson.ValueTrimmed, confidential bool) string {
	switch v := value.(type) {
	case *hujson.Array:
		return "a list"
	case *hujson.Object:
		return "an object"
	case hujson.Literal:
		text, isText := literalText(v)
		switch {
		case isText && confidential:
			return quote(mask(text))
		case isText:
			return quote(text)
		case v.Kind() == '0' && confidential:
			return "a number"
		default:
			return oneLine(string(v))
		}
	}
	return "missing"
}

// A syntaxError tells where a text stops being JSON, without showing it.
type syntaxError struct{ detail string }

// of shows the text too, unless it may hold secrets.
func (e *syntaxError) of(text string, confidential bool) string {
	if confidential {
		return e.Error()
	}
	return quote(text) + ", which is " + e.Error()
}

func (e *syntaxError) Error() string { return "not valid JSON (" + e.detail + ")" }

// deepest is how deep JSON may be nested: parsers recurse.
const deepest = 1000

// parseJSON reads JSON with comments and trailing commas. Its error is a
// *syntaxError.
func parseJSON(text []byte) (hujson.Value, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return hujson.Value{}, &syntaxError{"it is empty"}
	}
	depth := 0
	for _, c := range text { // brackets in texts count too: simple, and strict enough
		switch c {
		case '[', '{':
			if depth++; depth > deepest {
				return hujson.Value{}, &syntaxError{"it is nested too deeply"}
			}
		case ']', '}':
			depth--
		}
	}
	value, err := hujson.Parse(text)
	if err != nil {
		detail := strings.TrimPrefix(err.Error(), "hujson: ")
		// What follows is the literal itself, which may be a secret.
		detail, _, _ = strings.Cut(detail, "invalid literal:")
		if strings.HasSuffix(detail, ": ") {
			detail += "invalid text, number or word"
		}
		return hujson.Value{}, &syntaxError{oneLine(detail)}
	}
	return value, nil
}

// standard returns value as JSON without comments and trailing commas.
func standard(value hujson.Value) string {
	value = value.Clone()
	value.Standardize()
	return string(bytes.TrimSpace(value.Pack()))
}

// standardJSON returns text as JSON that encoding/json reads.
func standardJSON(text string) (json.RawMessage, error) {
	value, err := parseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(standard(value)), nil
}
