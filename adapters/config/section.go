package config

import (
	"slices"
	"strings"
)

// LoadStore returns the store's settings of src and the warnings about them, for
// work on a store that needs no environments: other settings may be missing or
// wrong. The configuration file, where there is one, must be readable. The error
// is a *ProblemsError with all that is wrong with the store's settings.
func LoadStore(src Source) (Store, []Warning, error) {
	s, warnings, err := loadSection(src, "store")
	return s.Store, warnings, err
}

// LoadServer is LoadStore for the server's settings. It serves callers that ask a
// running proxy, whose other settings may have become wrong since it started.
func LoadServer(src Source) (Server, []Warning, error) {
	s, warnings, err := loadSection(src, "server")
	return s.Server, warnings, err
}

// LoadAdmin is LoadServer for the settings of the admin listener.
func LoadAdmin(src Source) (Admin, []Warning, error) {
	s, warnings, err := loadSection(src, "admin")
	return s.Admin, warnings, err
}

// loadSection loads one section. The other settings that it returns are not checked.
func loadSection(src Source, section string) (Settings, []Warning, error) {
	l := newLoader(src)
	l.loadLayers()
	s, err := l.decode()
	if err != nil {
		return Settings{}, nil, err
	}
	l.runChecks(s)
	file := l.shownPath()
	others := func(key string) bool {
		return key != section && !strings.HasPrefix(key, section+".") && key != file
	}
	warnings := slices.DeleteFunc(l.warnings, func(w Warning) bool { return others(w.Key) })
	problems := slices.DeleteFunc(l.problems, func(p Problem) bool { return others(p.Key) })
	if len(problems) > 0 {
		return Settings{}, warnings, &ProblemsError{Problems: problems}
	}
	return s, warnings, nil
}

func (l *loader) setting(key string) *definition {
	for _, d := range l.settings {
		if d.key == key {
			return d
		}
	}
	panic("config: " + key + " is not a setting")
}
