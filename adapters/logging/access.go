package logging

import (
	"log/slog"
	"strconv"
	"time"
)

// accessLogger is the name of the access log's logger: the reference's, so
// that its logging settings hold here.
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
}

// accessLevel is the level of every access line, as in the reference.
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

// appendJSON appends the event under its name and the attributes of an access
// line, as members of an object. The event is the same line as in text, but
// escaped once only.
func (r *AccessRecord) appendJSON(buf []byte, eventName []byte) []byte {
	buf = append(buf, eventName...)
	buf = append(buf, '"')
	buf = appendJSONText(buf, r.RemoteAddr)
	buf = append(buf, ` - \"`...)
	buf = appendJSONText(buf, r.Method)
	buf = append(buf, ' ')
	buf = appendJSONText(buf, r.Path)
	buf = append(buf, ` HTTP/`...)
	buf = appendJSONText(buf, r.HTTPVersion)
	buf = append(buf, `\" `...)
	buf = strconv.AppendInt(buf, int64(r.Status), 10)
	buf = append(buf, `","remote_addr":`...)
	buf = appendJSONString(buf, r.RemoteAddr)
	buf = append(buf, `,"method":`...)
	buf = appendJSONString(buf, r.Method)
	buf = append(buf, `,"path":`...)
	buf = appendJSONString(buf, r.Path)
	buf = append(buf, `,"http_version":`...)
	buf = appendJSONString(buf, r.HTTPVersion)
	buf = append(buf, `,"status":`...)
	buf = strconv.AppendInt(buf, int64(r.Status), 10)
	buf = append(buf, `,"duration_ms":`...)
	buf = appendMillis(buf, r.Duration)
	buf = append(buf, `,"bytes":`...)
	return strconv.AppendInt(buf, r.Bytes, 10)
}

// appendMillis appends d in milliseconds with three decimals; a negative
// duration, which a clock set back can produce, counts as zero.
func appendMillis(buf []byte, d time.Duration) []byte {
	us := max(d, 0).Microseconds()
	buf = strconv.AppendInt(buf, us/1000, 10)
	f := us % 1000
	return append(buf, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}
