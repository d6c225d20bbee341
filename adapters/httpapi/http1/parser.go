package http1

import (
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// fieldsMost is how many different headers a plain request has at most. The map of
// them is used again, and stays as large as it ever was.
const fieldsMost = 64

// parser reads the heads of a connection's requests.
//
// It knows one spelling of a request, that of RFC 9112 without its leniencies and
// options: HTTP/1.1; a usual method; a path as target; one Host; lines that end with
// CR LF; names and values of allowed characters, without folding; a body of a
// Content-Length of digits or none. What it accepts it understands as net/http does,
// which a fuzz test checks. Everything else it leaves alone.
type parser struct {
	request http.Request // what was read
	blank   http.Request // with what all requests of the connection share
	url     url.URL
	header  http.Header
	values  []string // room for header
}

func (p *parser) init(ctx context.Context, remote string) {
	p.header = make(http.Header)
	p.values = make([]string, 0, 16)
	p.blank = *new(http.Request).WithContext(ctx)
	p.blank.Proto, p.blank.ProtoMajor, p.blank.ProtoMinor = "HTTP/1.1", 1, 1
	p.blank.Header, p.blank.RemoteAddr = p.header, remote
}

// parse reads a head, the empty line at its end included. It reports whether that
// is plain; then p.request is the request, but for its body.
func (p *parser) parse(head string) bool {
	p.request = p.blank
	line, rest, _ := strings.Cut(head, crlf)
	if !p.parseLine(line) {
		return false
	}
	clear(p.header)
	p.values = p.values[:0]
	for rest != crlf {
		line, rest, _ = strings.Cut(rest, crlf)
		if !p.parseField(line) {
			return false
		}
	}
	return p.request.Host != ""
}

const crlf = "\r\n"

// parseLine reads the request line.
func (p *parser) parseLine(line string) bool {
	method, line, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(line, " ")
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		return false
	}
	p.request.Method, p.request.RequestURI = method, target
	return version == "HTTP/1.1" && p.parseTarget(target)
}

// parseTarget reads a path with or without a query.
func (p *parser) parseTarget(target string) bool {
	if !strings.HasPrefix(target, "/") {
		return false
	}
	path, query, asks := strings.Cut(target, "?")
	if asks && query == "" || !all(path, inPath) || !all(query, inQuery) {
		u, err := url.ParseRequestURI(target)
		p.request.URL = u
		return err == nil
	}
	p.url = url.URL{Path: path, RawQuery: query}
	p.request.URL = &p.url
	return true
}

// parseField reads a line of the headers.
func (p *parser) parseField(line string) bool {
	name, value, found := strings.Cut(line, ":")
	if !found || name == "" || !all(name, inName) {
		return false
	}
	if value = strings.Trim(value, " \t"); !all(value, inValue) {
		return false
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	switch name {
	case "Host":
		if p.request.Host != "" || value == "" || !all(value, inHost) {
			return false
		}
		p.request.Host = value
		return true // it is no header to handlers
	case "Content-Length":
		length, err := strconv.ParseUint(value, 10, 31)
		if err != nil || len(p.header[name]) > 0 {
			return false
		}
		p.request.ContentLength = int64(length)
	case "Connection":
		if !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Trailer", "Expect", "Upgrade", "Pragma":
		return false
	}
	if before := p.header[name]; len(before) > 0 {
		p.header[name] = append(before, value)
		return true
	}
	if len(p.values) == fieldsMost {
		return false
	}
	p.values = append(p.values, value)
	last := len(p.values)
	p.header[name] = p.values[last-1 : last : last]
	return true
}
