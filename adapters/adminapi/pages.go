package adminapi

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/app"
)

var (
	//go:embed *.html
	templates embed.FS
	//go:embed page.css
	style string
)

// pages writes the HTML pages. It is safe for concurrent use.
type pages struct{ templates *template.Template }

func newPages() (*pages, error) {
	all, err := template.ParseFS(templates, "*.html")
	if err != nil {
		return nil, err
	}
	return &pages{all}, nil
}

func (p *pages) status(w http.ResponseWriter, v page) {
	v.Style = template.CSS(style)
	p.write(w, "page.html", v)
}

func (p *pages) environment(w http.ResponseWriter, v environmentPage) {
	v.Style = template.CSS(style)
	p.write(w, "environment.html", v)
}

// write answers with a page, whole or not at all.
func (p *pages) write(w http.ResponseWriter, name string, v any) {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name, v); err != nil { // the templates are tested: cannot be
		refuse(w, http.StatusInternalServerError, "the page could not be written")
		return
	}
	write(w, http.StatusOK, "text/html; charset=utf-8", out.Bytes())
}

// clock returns a moment as the pages show it.
func clock(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// ago returns how long before the status a moment was.
func ago(s app.Status, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(s.At.Sub(t)) + " ago"
}

// size returns a number of bytes as people read it.
func size(n int) string {
	switch {
	case n < 1_000:
		return strconv.Itoa(n) + " B"
	case n < 1_000_000:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 0, 64) + " kB"
	default:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	}
}

// cut returns the first characters of a text, at most `most`, with a mark where the rest is
// left out.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	return strings.TrimSpace(string(runes[:most-1])) + "…"
}
