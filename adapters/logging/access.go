package logging

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// accessLogger is the name of the access log's logger. It is that of the Python
// proxy, so that its logging settings work here.
const accessLogger = "uvicorn.access"

// AccessRecord describes one answered request.
type AccessRecord struct {
	// Time is when the request was answered; zero means now.
	Time time.Time
	// RemoteAddr is the client's address, with its port when it is known.
	RemoteAddr string
	Method     string
	// Path is the request's path with its query, as it was sent.
	Path string
	// HTTPVersion is "1.0", "1.1", "2" or "3".
	HTTPVersion string
	Status      int
	Duration    time.Duration
	// Bytes is the size of the answer's body as it was sent.
	Bytes int64

	// The json format has a member for each of these that is not empty; the others do
	// without.
	Environment, RequestID, TraceID, UserAgent string
}

// mayHoldKey reports whether a line about the request may contain a server-side key.
// Searching what the client sent takes a fraction of the time of searching the line.
func (r *AccessRecord) mayHoldKey() bool {
	return strings.Contains(r.Path, domain.ServerKeyPrefix) || strings.Contains(r.RemoteAddr, domain.ServerKeyPrefix) ||
		strings.Contains(r.Method, domain.ServerKeyPrefix) || strings.Contains(r.HTTPVersion, domain.ServerKeyPrefix) ||
		strings.Contains(r.Environment, domain.ServerKeyPrefix) || strings.Contains(r.RequestID, domain.ServerKeyPrefix) ||
		strings.Contains(r.TraceID, domain.ServerKeyPrefix) || strings.Contains(r.UserAgent, domain.ServerKeyPrefix)
}

// accessLevel is the level of every access line, as in the Python proxy.
const accessLevel = slog.LevelInfo

// appendEvent appends the line uvicorn writes:
//
//	127.0.0.1:5000 - "GET /x HTTP/1.1" 200
func (r *AccessRecord) appendEvent(buf []byte) []byte {
	buf = appendPrintable(buf, r.RemoteAddr, false)
	buf = append(buf, ` - "`...)
	buf = appendPrintable(buf, r.Method, true)
	buf = append(buf, ' ')
	buf = appendPrintable(buf, r.Path, true)
	buf = append(buf, ` HTTP/`...)
	buf = appendPrintable(buf, r.HTTPVersion, true)
	buf = append(buf, `" `...)
	return strconv.AppendInt(buf, int64(r.Status), 10)
}

// appendText appends the event and the attributes of an access line.
func (r *AccessRecord) appendText(buf []byte) []byte {
	buf = r.appendEvent(buf)
	buf = append(buf, ` duration_ms=`...)
	buf = appendMillis(buf, r.Duration)
	buf = append(buf, ` bytes=`...)
	return strconv.AppendInt(buf, r.Bytes, 10)
}

// appendJSON appends the event and the attributes of an access line, as members of
// an object that has the event's name already. The event is the same line as in
// text, but escaped once only; attributes are the parts of it as they stand there.
func (r *AccessRecord) appendJSON(buf []byte, names *accessNames) []byte {
	// part appends a text and returns where it begins and ends.
	part := func(text string) (from, to int) {
		from = len(buf)
		buf = jsonscan.AppendPrintable(buf, text)
		return from, len(buf)
	}
	buf = append(buf, '"')
	remote, remoteEnd := part(r.RemoteAddr)
	buf = append(buf, ` - \"`...)
	method, methodEnd := part(r.Method)
	buf = append(buf, ' ')
	path, pathEnd := part(r.Path)
	buf = append(buf, ` HTTP/`...)
	version, versionEnd := part(r.HTTPVersion)
	buf = append(buf, `\" `...)
	status := len(buf)
	buf = strconv.AppendInt(buf, int64(r.Status), 10)
	statusEnd := len(buf)
	buf = append(append(buf, `","remote_addr":"`...), buf[remote:remoteEnd]...)
	buf = append(append(buf, `","method":"`...), buf[method:methodEnd]...)
	buf = append(append(buf, `","path":"`...), buf[path:pathEnd]...)
	buf = append(append(buf, `","http_version":"`...), buf[version:versionEnd]...)
	buf = append(append(buf, `","status":`...), buf[status:statusEnd]...)
	buf = append(buf, `,"duration_ms":`...)
	buf = appendMillis(buf, r.Duration)
	buf = append(buf, `,"bytes":`...)
	buf = strconv.AppendInt(buf, r.Bytes, 10)
	buf = appendOptional(buf, names.environment, r.Environment)
	buf = appendOptional(buf, names.requestID, r.RequestID)
	buf = appendOptional(buf, names.traceID, r.TraceID)
	return appendOptional(buf, names.userAgent, r.UserAgent)
}

// accessNames are the names of members that an access line may have, as they stand before
// the value.
type accessNames struct{ environment, requestID, traceID, userAgent []byte }

// newAccessNames returns the names in a format whose event has the given one. A name that
// is the event's gets an underscore.
func newAccessNames(event string) accessNames {
	name := func(name string) []byte {
		if name == event {
			name += "_"
		}
		return []byte(`,"` + name + `":"`)
	}
	return accessNames{environment: name("environment"), requestID: name("request_id"), traceID: name("trace_id"), userAgent: name("user_agent")}
}

// appendOptional appends a member unless its text is empty.
func appendOptional(buf, name []byte, text string) []byte {
	if text == "" {
		return buf
	}
	return append(jsonscan.AppendPrintable(append(buf, name...), text), '"')
}

// appendMillis appends d in milliseconds with three decimals; a negative
// duration, which a clock set back can produce, counts as zero.
func appendMillis(buf []byte, d time.Duration) []byte {
	us := max(d, 0).Microseconds()
	buf = strconv.AppendInt(buf, us/1000, 10)
	f := us % 1000
	return append(buf, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}
