package licences_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

const (
	repository = "../.."
	// tags select all code of the repository.
	tags = "integration,sdk,release,deploy,page"
	// program is what is shipped.
	program = "./cmd/edge-proxy"
	// recognised is the percentage of a licence file that must be text of a
	// licence. The rest are names, years and notices.
	recognised = 75
)

// Licences that ask for no more than that their text is kept. What the program
// ships must be under them.
var permissive = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"}

// Licences that ask for the source of changes to their own files. Tests may use
// modules under them.
var weak = []string{"MPL-2.0"}

var (
	// licenceFile matches the names of files with a licence.
	licenceFile = regexp.MustCompile(`(?i)^(un)?licen[sc]e([.-].*)?$|^copying([.-].*)?$`)
	// notOfCode matches those of them that are code, or the licence of documentation,
	// which is not built from.
	notOfCode = regexp.MustCompile(`(?i)\.(go|docs)$`)
)

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// modules returns the modules that have a package which the patterns need.
func modules(t *testing.T, args ...string) []module {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=Module"}, args...)...)
	cmd.Dir = repository
	var failure bytes.Buffer
	cmd.Stderr = &failure
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, failure.String())
	}
	var all []module
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var p struct{ Module *module }
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		if m := *p.Module; !slices.ContainsFunc(all, func(o module) bool { return o.Path == m.Path }) {
			if m.Replace != nil {
				m.Dir = m.Replace.Dir
			}
			all = append(all, m)
		}
	}
}

// licencesOf returns the licences that the files in dir are recognised as, and the
// files that are not recognised.
func licencesOf(dir string) (found, unknown []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) || notOfCode.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		cover := licensecheck.Scan(text)
		if cover.Percent < recognised {
			unknown = append(unknown, entry.Name())
			continue
		}
		for _, match := range cover.Match {
			if !slices.Contains(found, match.ID) {
				found = append(found, match.ID)
			}
		}
	}
	return found, unknown, nil
}

// refused says why a module with the files in dir may not be used, or returns "".
func refused(dir string, allowed []string) string {
	found, unknown, err := licencesOf(dir)
	switch {
	case err != nil:
		return err.Error()
	case len(unknown) > 0:
		return "the licence in " + strings.Join(unknown, ", ") + " is not recognised"
	case len(found) == 0:
		return "it has no licence file"
	}
	for _, licence := range found {
		if !slices.Contains(allowed, licence) {
			return "its licence " + licence + " is not among " + strings.Join(allowed, ", ")
		}
	}
	return ""
}

func TestLicences(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		allowed []string
		least   int
	}{
		"shipped": {[]string{program}, permissive, 15},
		"tests":   {[]string{"-test", "-tags", tags, "./..."}, slices.Concat(permissive, weak), 40},
	} {
		t.Run(name, func(t *testing.T) {
			all := modules(t, c.args...)
			if len(all) < c.least {
				t.Fatalf("only %d modules were found", len(all))
			}
			for _, m := range all {
				if why := refused(m.Dir, c.allowed); why != "" {
					t.Errorf("%s %s: %s", m.Path, m.Version, why)
				}
			}
		})
	}
}

func TestLicencesNotice(t *testing.T) {
	own, err := os.ReadFile(filepath.Join(repository, "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"Apache":                  {map[string]string{"LICENSE": string(own)}, ""},
		"a name with an ending":   {map[string]string{"License.txt": string(own)}, ""},
		"of documentation":        {map[string]string{"LICENSE": string(own), "LICENSE.docs": "Ask us first."}, ""},
		"of documentation only":   {map[string]string{"LICENSE.docs": string(own)}, "no licence file"},
		"none":                    {map[string]string{"README.md": string(own)}, "no licence file"},
		"words of its own":        {map[string]string{"LICENSE": "All rights reserved. Ask us first."}, "is not recognised"},
		"one good, one not known": {map[string]string{"LICENSE": string(own), "LICENSE.extra": "Ask us first."}, "LICENSE.extra"},
		"not allowed":             {map[string]string{"COPYING": agpl}, "is not among"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			why := refused(dir, permissive)
			if (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
				t.Errorf("refused with %q, want %q", why, c.want)
			}
		})
	}
}

// agpl is the short form that names the licence.
const agpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as published by
the Free Software Foundation, either version 3 of the License, or (at your option) any later version.
This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or
FITNESS FOR A PARTICULAR PURPOSE. See the GNU Affero General Public License for more details.`
