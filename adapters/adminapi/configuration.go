package adminapi

import (
	"net/http"
	"runtime"
)

// configuration returns the effective configuration; nil if it is not known.
func (a *API) configuration() *Configuration {
	if a.o.Configuration == nil {
		return nil
	}
	c := a.o.Configuration()
	return &c
}

// getConfiguration answers with the effective configuration.
func (a *API) getConfiguration(w http.ResponseWriter, _ *http.Request) {
	c := a.configuration()
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
