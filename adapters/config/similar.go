package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// suggestKey returns the setting or section that name, a key of the given section
// which is unknown there, is most likely meant to be; "" if none is alike.
func (l *loader) suggestKey(section *node, name string) string {
	var names []string
	keys := map[string]string{}
	for _, c := range section.children {
		if c.definition != nil && c.definition.environmentOnly {
			continue
		}
		names = append(names, c.name)
		keys[c.name] = c.key
		if c.definition != nil {
			for _, alias := range c.definition.aliases {
				names = append(names, alias)
				keys[alias] = c.key
			}
		}
	}
	if like := similarKey(name, names); like != "" {
		return keys[like]
	}
	for _, d := range l.settings { // right name, wrong section
		last := d.key[strings.LastIndexByte(d.key, '.')+1:]
		if !d.environmentOnly && (plain(name) == plain(last) || slices.Contains(d.aliases, name)) {
			return d.key
		}
	}
	return ""
}

// similarKey returns the first of known that name is like: but for case and
// separators, but for a slip of the keyboard, or but for words left out.
func similarKey(name string, known []string) string {
	for _, k := range known {
		if plain(k) == plain(name) {
			return k
		}
	}
	if k := nearest(name, known, max(1, len(name)/5)); k != "" {
		return k
	}
	words := strings.Split(strings.ToLower(name), "_")
	for _, k := range known {
		if isPart(words, strings.Split(k, "_")) {
			return k
		}
	}
	return ""
}

// formerVariables returns the variables of the first Edge Proxy, with those that have
// replaced them.
func formerVariables() map[string]string {
	return map[string]string{"ENVIRONMENT_API_KEYS": "ENVIRONMENT_KEY_PAIRS", "FLAGSMITH_API_URL": "API_URL"}
}

// kubernetesVariable are the variables that Kubernetes makes for a service.
var kubernetesVariable = regexp.MustCompile(`_SERVICE_(HOST|PORT(_.*)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

// findTypos warns about variables that are like a known one, or that begin with the
// name of a section. It is stricter than for keys: most variables of an environment
// belong to other programs.
func (l *loader) findTypos() {
	known := map[string]bool{}
	for _, section := range l.sections {
		known[section.variable] = true
	}
	for _, d := range l.settings {
		for _, name := range append([]string{d.fileVariable()}, d.variables...) {
			known[name] = true
		}
	}
	delete(known, "")
	names := slices.Sorted(maps.Keys(known))
	for _, upper := range slices.Sorted(maps.Keys(l.variables)) {
		if known[upper] {
			continue
		}
		name := oneLine(l.variables[upper][0].name)
		if now := formerVariables()[upper]; now != "" {
			l.ignore(name, "is a variable of the first Edge Proxy and is ignored; set "+now+" instead", "variable "+name)
			continue
		}
		like := ""
		switch {
		case len(upper) >= 14:
			like = nearest(upper, names, 2)
		case len(upper) >= 9:
			like = nearest(upper, names, 1)
		}
		if like == "" {
			like = l.shortened(upper)
		}
		switch {
		case like != "":
			l.ignore(name, "is not a known variable and is ignored; did you mean "+like+"?", "variable "+name)
		case l.inSection(upper) && !kubernetesVariable.MatchString(upper):
			l.ignore(name, "is not a known variable and is ignored", "variable "+name)
		}
	}
}

// inSection reports whether a variable is called like one of a section.
func (l *loader) inSection(upper string) bool {
	return slices.ContainsFunc(l.sections, func(section *node) bool { return strings.HasPrefix(upper, section.variable+"_") })
}

// shortened returns the variable of which upper leaves out words after the
// section's, such as LOGGING_LOG_LEVEL for LOGGING_LEVEL.
func (l *loader) shortened(upper string) string {
	for _, d := range l.settings {
		for _, section := range l.sections {
			own, isOurs := strings.CutPrefix(d.variable, section.variable+"_")
			rest, isTheirs := strings.CutPrefix(upper, section.variable+"_")
			if isOurs && isTheirs && isPart(strings.Split(rest, "_"), strings.Split(own, "_")) {
				return d.variable
			}
		}
	}
	return ""
}

// plain is a name without case and separators.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// isPart reports whether all of some are in all, in order, and not all of them.
func isPart(some, all []string) bool {
	if len(some) >= len(all) {
		return false
	}
	for _, word := range all {
		if len(some) > 0 && some[0] == word {
			some = some[1:]
		}
	}
	return len(some) == 0
}

// nearest returns the name that differs from text by the fewest slips, at most
// most; of several the first.
func nearest(text string, names []string, most int) string {
	best := ""
	for _, name := range names {
		if difference := len(text) - len(name); difference > most || -difference > most {
			continue // also keeps endless names cheap
		}
		if n := slips(strings.ToLower(text), strings.ToLower(name)); n <= most {
			best, most = name, n-1
		}
	}
	return best
}

// slips counts the letters to insert, drop, replace or swap with their
// neighbour that make b of a (optimal string alignment).
func slips(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := row[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			next[j] = min(row[j]+1, next[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
