package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Source is where a configuration comes from. Nothing else is read.
type Source struct {
	// Environ are the variables as NAME=value, as os.Environ returns them. The last
	// of two entries with one name wins.
	Environ []string
	// ReadFile reads the configuration file and files that hold secrets, as
	// os.ReadFile does. With nil, no file exists.
	ReadFile func(name string) ([]byte, error)
	// WorkingDir is the directory that relative paths start from. Empty leaves paths
	// as they are.
	WorkingDir string
	// Overrides take precedence over the file and the variables.
	Overrides []Override
	// Checks are further rules, see Check.
	Checks []Check
}

// Override is the value of a setting that is given by something else than the file
// or a variable, such as a flag.
type Override struct {
	Key    string // the setting, such as store.url; config_path for the file
	Value  string // as one would write it in the variable
	Origin string // what messages call the place it is from
}

// Check is a rule about settings that this package does not know, such as which
// stores exist.
type Check struct {
	// Keys are the settings that the rule reads. The rule does not run when one of
	// them is wrong by itself. Its findings are reported for the first key.
	Keys []string
	// Find returns nil, or an error with one line per problem and without secrets.
	Find func(Settings) error
}

// Load reads and validates the configuration of src. The error is a *ProblemsError
// that lists every problem; warnings are returned with or without an error. Load
// keeps no state: the next call reads src again.
func Load(src Source) (Settings, []Warning, error) {
	s, _, warnings, err := LoadEffective(src)
	return s, warnings, err
}

// LoadEffective is Load, and also explains the settings: what each of them is and where
// it comes from. With an error, the explanation is zero.
func LoadEffective(src Source) (Settings, Effective, []Warning, error) {
	l := newLoader(src)
	l.loadLayers()
	s, err := l.decode()
	if err != nil {
		return Settings{}, Effective{}, l.warnings, err
	}
	l.requireKeys(&s)
	l.runChecks(s)
	if len(l.problems) > 0 {
		return Settings{}, Effective{}, l.warnings, &ProblemsError{Problems: l.problems, Hint: l.hint}
	}
	return s, l.effective(s), l.warnings, nil
}

// firstStart says what to do where nothing is configured.
const firstStart = `nothing is configured yet: "edge-proxy render-config" writes a configuration file to fill in; ` +
	`https://github.com/edge-proxy/edge-proxy#use-it describes the first steps`

// A loader holds the state of one Load.
type loader struct {
	*schema
	src        Source
	byVariable map[string]*definition
	variables  map[string][]variable // by name in upper case
	settled    map[*definition]*candidate
	current    *definition // the setting that is being decoded
	fileDir    string      // the directory of the configuration file, once it is read

	problems []Problem
	warnings []Warning
	ignored  []string // see Effective.Ignored
	noFile   bool     // the configuration file does not exist
	hint     string   // see ProblemsError
}

// A candidate is a setting's value in the form of a variable, from the highest
// layer so far that has one.
type candidate struct {
	text     string
	origin   origin
	base     string   // the directory that paths in it begin at, "" for the working directory
	elements []string // the origin of each element of a list, where they differ
	problem  *Problem // the value cannot be brought to that form
}

func newLoader(src Source) *loader {
	l := &loader{
		schema:     theSchema(),
		src:        src,
		byVariable: map[string]*definition{},
		variables:  collectVariables(src.Environ),
		settled:    map[*definition]*candidate{},
	}
	for _, d := range l.settings {
		l.byVariable[d.variable] = d
	}
	return l
}

// loadLayers reads all there is, the lowest layer first.
func (l *loader) loadLayers() {
	l.loadFile()
	l.loadSections()
	l.loadSettings()
	for _, o := range l.src.Overrides {
		l.settle(l.setting(o.Key), &candidate{text: o.Value, origin: origin{text: o.Origin, source: sourceFlag}})
	}
	l.findTypos()
}

// settle replaces the value of d from lower layers by c. Objects are merged.
func (l *loader) settle(d *definition, c *candidate) {
	below := l.settled[d]
	l.settled[d] = c
	if below == nil || below.problem != nil || c.problem != nil || !d.kind.takes('{') {
		return
	}
	under, err := decodeObject(below.text)
	if err != nil {
		return // replaced by a better one
	}
	over, err := decodeObject(c.text)
	if err != nil {
		return // reported when it is decoded
	}
	mergeObjects(under, over)
	if merged, err := encodeObject(under); err == nil {
		l.settled[d] = &candidate{text: string(merged), origin: below.origin.and(c.origin)}
	}
}

// environment returns the settled values as variables, under their first names.
func (l *loader) environment() map[string]string {
	environment := map[string]string{} // not nil: env would take the process's own
	for _, d := range l.settings {
		c := l.settled[d]
		if c == nil {
			continue
		}
		text := strings.TrimSpace(c.text)
		switch {
		case c.problem != nil:
			l.report(*c.problem)
		case d.optional && (text == "" || d.bounded && strings.EqualFold(text, "null")):
			// unset
		case text == "" && d.kind.isList():
			environment[d.variable] = "[]"
		case text == "":
			l.report(Problem{Key: d.key, Value: "empty", Allowed: d.kind.allowed(d), Origin: c.origin.text})
		default:
			environment[d.variable] = text
		}
	}
	return environment
}

// decode returns the Settings that the layers result in, defaults included. An error
// means a mistake in this program.
func (l *loader) decode() (Settings, error) {
	var s Settings
	err := env.ParseWithOptions(&s, env.Options{
		Environment: l.environment(),
		FuncMap:     l.parsers(),
		// Called before each setting is parsed, so that its parser, which is
		// chosen by type, knows the setting's bounds and name.
		OnSet: func(variable string, _ any, _ bool) { l.current = l.byVariable[variable] },
	})
	if err := l.reportAll(err); err != nil {
		return Settings{}, fmt.Errorf("decode configuration: %w", err)
	}
	for d, c := range l.settled {
		if d.optional && d.fallback != "" && c.problem == nil && strings.TrimSpace(c.text) == "" {
			reflect.ValueOf(&s).Elem().FieldByIndex(d.index).SetZero() // emptied on purpose
		}
	}
	if s.Store.Lease == 0 {
		s.Store.Lease = 2 * s.APIPollFrequency
	}
	if !s.Admin.Port.Chosen {
		s.Admin.Port.Number = defaultAdminPort
	}
	s.ConfigPath = l.path(s.ConfigPath)
	return s, nil
}

// parsers returns each type's parser for env; their errors are *ProblemsError.
func (l *loader) parsers() map[reflect.Type]env.ParserFunc {
	parsers := map[reflect.Type]env.ParserFunc{}
	for t, k := range kinds() {
		parsers[t] = func(text string) (any, error) {
			d := l.current
			value, err := k.parse(l, d, text)
			if err != nil {
				return nil, l.verdict(d, text, err)
			}
			return value, nil
		}
	}
	return parsers
}

// verdict turns the error of a parser into problems of d.
func (l *loader) verdict(d *definition, text string, err error) error {
	var all *ProblemsError
	if errors.As(err, &all) {
		return all
	}
	show := d.kind.show
	if show == nil {
		show = quote
	}
	p := Problem{Key: d.key, Value: show(text), Allowed: d.kind.allowed(d), Origin: l.originOf(d)}
	var why *reason
	var syntax *syntaxError
	switch {
	case errors.As(err, &why):
		p.Allowed = why.allowed
	case errors.As(err, &syntax):
		p.Value = syntax.of(text, d.kind.confidential)
	}
	return &ProblemsError{Problems: []Problem{p}}
}

// reportAll reports the problems in env's error and returns what else is in it.
func (l *loader) reportAll(err error) error {
	if err == nil {
		return nil
	}
	var aggregate env.AggregateError
	if !errors.As(err, &aggregate) {
		return err
	}
	var others []error
	for _, err := range aggregate.Errors {
		var parse env.ParseError
		var found *ProblemsError
		if !errors.As(err, &parse) || !errors.As(parse.Err, &found) {
			others = append(others, err)
			continue
		}
		for _, p := range found.Problems {
			l.report(p)
		}
	}
	return errors.Join(others...)
}

// requireKeys reports missing keys, the one setting without a default. It stays silent
// when the keys, or the file that may hold them, have another problem already.
func (l *loader) requireKeys(s *Settings) {
	d := l.byVariable["ENVIRONMENT_KEY_PAIRS"]
	file := l.shownPath()
	about := func(p Problem) bool { return strings.HasPrefix(p.Key, d.key) || p.Key == "proxy_key" || p.Key == file }
	if len(s.EnvironmentKeyPairs) > 0 || !s.ProxyKey.IsZero() || slices.ContainsFunc(l.problems, about) {
		return
	}
	value := "missing"
	if l.settled[d] != nil {
		value = "empty"
	} else if l.noFile {
		l.hint = firstStart
	}
	l.report(Problem{Key: d.key, Value: value, Allowed: d.kind.allowed(d) + ", unless proxy_key is set", Origin: l.originOf(d)})
}

// runChecks reports the findings of the source's checks.
func (l *loader) runChecks(s Settings) {
	for _, c := range l.src.Checks {
		if slices.ContainsFunc(l.problems, func(p Problem) bool { return slices.Contains(c.Keys, p.Key) }) {
			continue
		}
		err := c.Find(s)
		if err == nil {
			continue
		}
		key := c.Keys[0]
		for line := range strings.Lines(err.Error()) {
			l.report(Problem{Key: key, Text: strings.TrimSuffix(line, "\n"), Origin: l.originOf(l.setting(key))})
		}
	}
}

// originOf says where d's value came from.
func (l *loader) originOf(d *definition) string {
	if c := l.settled[d]; c != nil {
		return c.origin.text
	}
	return "not set in " + l.shownPath() + " or by a variable"
}

// ignore warns of something that an operator wrote and that has no effect.
func (l *loader) ignore(name, message, origin string) {
	l.ignored = append(l.ignored, name)
	l.warn(name, message, origin)
}

func (l *loader) report(p Problem) {
	l.problems = append(l.problems, p)
}

func (l *loader) warn(key, message, origin string) {
	l.warnings = append(l.warnings, Warning{Key: key, Message: message, Origin: origin})
}

// path resolves a path that an operator wrote.
func (l *loader) path(name string) string {
	if l.src.WorkingDir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.src.WorkingDir, name)
}
