package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// A variable keeps its name as it was written: names are case-insensitive.
type variable struct{ name, value string }

// collectVariables sorts the environment by names in upper case; of one spelling
// the last value counts.
func collectVariables(environ []string) map[string][]variable {
	variables := map[string][]variable{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			continue
		}
		upper := strings.ToUpper(name)
		spellings := slices.DeleteFunc(variables[upper], func(v variable) bool { return v.name == name })
		variables[upper] = append(spellings, variable{name, value})
	}
	for _, spellings := range variables {
		slices.SortFunc(spellings, func(a, b variable) int { return cmp.Compare(a.name, b.name) })
	}
	return variables
}

// serviceAddress is the value of the NAME_PORT variable that Kubernetes makes for
// a service called name.
var serviceAddress = regexp.MustCompile(`^(tcp|udp|sctp)://\S+:[0-9]+$`)

// lookup returns the variable of setting d under name, which is in upper case.
// Of several spellings the one in upper case counts, else the first in
// alphabetical order; for proxies the one in lower case comes first, as
// everywhere. Kubernetes's own variables are not there.
func (l *loader) lookup(d *definition, name string) (variable, bool) {
	spellings := l.variables[name]
	if isProxy(d) {
		spellings = slices.Clone(spellings)
		slices.Reverse(spellings) // lower case is last in alphabetical order
		if name == "HTTP_PROXY" && l.underCGI() {
			spellings = slices.DeleteFunc(spellings, func(v variable) bool { return v.name != "http_proxy" })
		}
	}
	if len(spellings) == 0 {
		return variable{}, false
	}
	v := spellings[0]
	if strings.HasSuffix(name, "_PORT") && serviceAddress.MatchString(v.value) {
		return variable{}, false
	}
	return v, true
}

// isProxy reports whether d is one of the variables that all programs share.
func isProxy(d *definition) bool {
	return d.environmentOnly && strings.HasSuffix(d.variable, "_PROXY")
}

// underCGI reports whether the process runs as a CGI script. HTTP_PROXY is then
// what a client sent as its Proxy header.
func (l *loader) underCGI() bool {
	return len(l.variables["REQUEST_METHOD"]) > 0
}

// loadSections settles the variables that hold a section as a JSON object; an
// inner section's replaces what an outer one's says.
func (l *loader) loadSections() {
	for _, section := range l.sections {
		spellings := l.variables[section.variable]
		if len(spellings) == 0 {
			continue
		}
		l.warnSpellings(section.key, spellings, spellings[0])
		v, from := spellings[0], inVariable(spellings[0].name)
		value, err := parseJSON([]byte(v.value))
		var syntax *syntaxError
		if _, isObject := value.Value.(*hujson.Object); section.ours && !isObject {
			l.warn(v.name, "is ignored: it is not a JSON object, so it seems to belong to another program", from.text)
			continue
		}
		if errors.As(err, &syntax) {
			l.report(Problem{Key: section.key, Value: syntax.of(v.value, section.confidential()), Allowed: "a JSON object", Origin: from.text})
			continue
		}
		l.loadSection(section, value, func(hujson.Value) origin { return from })
	}
}

// loadSettings settles the variables that hold one setting, the highest layer.
func (l *loader) loadSettings() {
	for _, d := range l.settings {
		l.warnIgnored(d)
		var found []variable
		for _, name := range d.variables {
			if v, ok := l.lookup(d, name); ok {
				l.warnSpellings(d.key, l.variables[name], v)
				found = append(found, v)
			}
		}
		for _, other := range found[min(1, len(found)):] {
			l.warn(d.key, fmt.Sprintf("variable %s is ignored, since %s is set too", other.name, found[0].name), "variable "+other.name)
		}
		if len(found) > 0 {
			l.settle(d, &candidate{text: found[0].value, origin: inVariable(found[0].name)})
		}
		l.loadFileVariable(d, found)
	}
}

// loadFileVariable settles a variable such as PROXY_KEY_FILE.
func (l *loader) loadFileVariable(d *definition, found []variable) {
	spellings := l.variables[d.fileVariable()]
	if d.fileVariable() == "" || len(spellings) == 0 || strings.TrimSpace(spellings[0].value) == "" {
		return
	}
	v := spellings[0]
	c := &candidate{origin: inVariable(v.name).secretFile()}
	if len(found) > 0 && strings.TrimSpace(found[0].value) != "" {
		c.problem = &Problem{Key: d.key, Value: "set twice", Allowed: "set by one of " + found[0].name + " and " + v.name, Origin: c.origin.text}
	} else if c.text, c.problem = l.readSecret(strings.TrimSpace(v.value)); c.problem != nil {
		c.problem.Key, c.problem.Origin = d.key, c.origin.text
	}
	l.settle(d, c)
}

// warnIgnored tells about variables of d that lookup leaves out on purpose.
func (l *loader) warnIgnored(d *definition) {
	for _, name := range d.variables {
		for _, v := range l.variables[name] {
			switch {
			case strings.HasSuffix(name, "_PORT") && serviceAddress.MatchString(v.value):
				l.warn(d.key, fmt.Sprintf("%s is ignored: it looks like the variable that Kubernetes makes for a service", quote(v.value)), "variable "+v.name)
			case name == "HTTP_PROXY" && v.name != "http_proxy" && l.underCGI():
				l.warn(d.key, "is ignored where REQUEST_METHOD is set, since a client could have sent it as a header; use http_proxy in lower case", "variable "+v.name)
			}
		}
	}
}

// warnSpellings warns when spellings that differ in case disagree.
func (l *loader) warnSpellings(key string, spellings []variable, counts variable) {
	for _, v := range spellings {
		if v.value != counts.value {
			l.warn(key, fmt.Sprintf("variable %s is ignored, since %s is set too", v.name, counts.name), "variable "+v.name)
		}
	}
}
