// Package page looks at the status page of the built binary in a real browser, Chromium.
//
// It writes what it sees to bin/page, for people to look at: light, dark, narrow, of a
// fleet, and with 50 environments of which three are stale. With
// EDGE_PROXY_DOCS_SCREENSHOT=1 it also replaces the picture in docs.
package page
