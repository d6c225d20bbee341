package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// pairsKey is the setting with the key pairs.
const pairsKey = "environment_key_pairs"

// configuration loads the settings and reports whether they are usable.
func (e *examination) configuration() bool {
	path := config.Path(e.options.Source)
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.options.Source.WorkingDir, path)
	}
	var file, settings, unknown, pairs finding
	readable := examineFile(&file, path)
	var warnings []config.Warning
	var err error
	e.settings, e.effective, warnings, err = config.LoadEffective(e.options.Source)
	for _, w := range warnings {
		about := &unknown
		if strings.HasPrefix(w.Key, pairsKey) {
			about = &pairs
		}
		about.warn("Correct the name, or remove what is not needed; \"edge-proxy config\" shows what applies.", "%s", w)
	}
	var problems *config.ProblemsError
	switch {
	case errors.As(err, &problems):
		for _, p := range problems.Problems {
			about := &settings
			switch {
			case strings.HasPrefix(p.Key, pairsKey):
				about = &pairs
			case !readable || strings.HasSuffix(path, p.Key) && filepath.Ext(p.Key) != "":
				about = &file
			}
			about.fail("Correct the value; the text says what is allowed and where the value came from.", "%s", p)
		}
	case err != nil:
		settings.fail("Please report this.", "%v", err)
	}
	for _, f := range []*finding{&settings, &unknown, &pairs} {
		if len(f.found) == 0 && err == nil {
			f.ok("nothing is wrong")
		} else if len(f.found) == 0 {
			f.skip("not all of it could be checked, because the configuration has problems elsewhere")
		}
	}
	e.record("C1", &file, 0)
	e.record("C2", &settings, 0)
	e.record("C3", &unknown, 0)
	e.record("C4", &pairs, 0)
	return err == nil
}

// examineFile reports whether the configuration file is readable or need not be there.
func examineFile(f *finding, path string) bool {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.ok("%s is not there: variables and defaults apply", path)
		return true
	case errors.Is(err, fs.ErrPermission):
		f.fail("Let this user read the file.", "%s cannot be read by the user that this program runs as (uid %d)", path, os.Getuid())
		return false
	case err != nil:
		f.fail("Let --config or CONFIG_PATH name a file that can be read.", "%v", err)
		return false
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	switch {
	case err != nil:
		f.fail("Let --config or CONFIG_PATH name a file that can be read.", "%v", err)
		return false
	case info.IsDir():
		f.fail("Let --config or CONFIG_PATH name a file.", "%s is a directory", path)
		return false
	}
	f.ok("%s is read by the user with uid %d", path, os.Getuid())
	return true
}
