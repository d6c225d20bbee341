package httpserver

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// maxFields is the limit of different headers in a plain request. Their map is reused
// and never shrinks.
const maxFields = 64

// parser parses the heads of a connection's requests.
//
// It knows one spelling of a request, that of RFC 9112 without its options: HTTP/1.1, a
// usual method, a path as target, one Host, lines that end with CR LF, names and
// values of allowed characters, no folding, and a body with a Content-Length of digits
// or no body. What it accepts it understands like net/http, which a fuzz test checks.
// It rejects everything else.
type parser struct {
	request http.Request // the parsed request
	blank   http.Request // the fields that all requests of the connection share
	url     url.URL
	header  http.Header
	values  []string // memory of the values in header
}

// init prepares p for the requests of a connection; secured is nil without TLS.
func (p *parser) init(ctx context.Context, remote string, secured *tls.Conn) {
	p.header = make(http.Header)
	p.values = make([]string, 0, 16)
	p.blank = *new(http.Request).WithContext(ctx)
	p.blank.Proto, p.blank.ProtoMajor, p.blank.ProtoMinor = "HTTP/1.1", 1, 1
	p.blank.Header, p.blank.RemoteAddr = p.header, remote
	if secured != nil {
		state := secured.ConnectionState()
		p.blank.TLS = &state
	}
}

// parse parses a head, the empty line at its end included. It reports whether the head
// is plain. If so, p.request is the request without its body.
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

// parseLine parses the request line.
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

// parseTarget parses a path with or without a query.
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

// parseField parses one header line.
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
		return true // handlers get it as r.Host, not as a header
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
	if len(p.values) == maxFields {
		return false
	}
	p.values = append(p.values, value)
	last := len(p.values)
	p.header[name] = p.values[last-1 : last : last]
	return true
}
