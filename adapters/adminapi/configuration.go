package adminapi

import (
	"net/http"
	"runtime"
)

const (
	// pageSettings is how many settings the page shows, and longestSetting how many
	// characters of a value.
	pageSettings, longestSetting = 100, 60
)

// configurationView is the configuration as the page shows it.
type configurationView struct {
	Text, Ignored, Short string
	Settings             []Setting
}

// configurationViewOf returns what the page shows of c; nil for nil.
func configurationViewOf(c *Configuration) *configurationView {
	if c == nil {
		return nil
	}
	v := &configurationView{Text: "Every setting has its default.", Ignored: listOf(c.Ignored, 20, 60)}
	if c.Hash != "" {
		v.Text = "The hash of all values is " + cut(c.Hash, 16) + ": the same on nodes with the same settings."
	}
	for _, s := range c.Settings[:min(len(c.Settings), pageSettings)] {
		v.Settings = append(v.Settings, Setting{s.Key, cut(s.Value, longestSetting), cut(s.Source, 60)})
	}
	v.Short = plural(len(c.Settings), "setting differs from its default", "settings differ from their defaults")
	if more := len(c.Settings) - pageSettings; more > 0 {
		v.Short += ", of which the first " + plural(pageSettings, "is", "are") + " shown"
	}
	return v
}

// known returns what of returns; nil for nil.
func known[T any](of func() T) *T {
	if of == nil {
		return nil
	}
	return new(of())
}

// getConfiguration answers with the effective configuration.
func (a *API) getConfiguration(w http.ResponseWriter, _ *http.Request) {
	c := known(a.o.Configuration)
	if c == nil {
		refuse(w, http.StatusNotFound, "this program does not report its configuration")
		return
	}
	answer(w, http.StatusOK, c.Details)
}

// getVersion answers with what this program was built from.
func (a *API) getVersion(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{
		"version": a.o.Node.Version, "commit": a.o.Node.Commit, "date": a.o.Node.Date,
		"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	})
}
