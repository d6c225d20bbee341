package logging

import (
	"log/slog"
	"time"
)

const jsonTime = "2006-01-02T15:04:05.000000Z"

// jsonLines is the format for machines: one object a line.
type jsonLines struct {
	event     string // the name of the event's member
	eventName []byte // ,"EVENT": ready to append
}

func newJSONLines(event string) jsonLines {
	name := append(appendJSONString([]byte{','}, event), ':')
	return jsonLines{event: event, eventName: name}
}

// reserved are the members every line has at its top.
func (j jsonLines) reserved(key string) bool {
	return key == j.event || isFixedMember(key)
}

func isFixedMember(key string) bool {
	return key == "timestamp" || key == "level" || key == "logger"
}

func (j jsonLines) appendRecord(buf []byte, r *record) []byte {
	buf = appendJSONHead(buf, r.at, r.level, r.logger)
	buf = append(buf, j.eventName...)
	buf = appendJSONString(buf, r.event)
	for _, f := range r.attrs.fields {
		buf = append(buf, ',')
		buf = appendMember(buf, r.attrs.unreserved(f.key, j.reserved), f)
	}
	return append(buf, '}')
}

// appendAccess: an event named like an attribute of the access log is refused
// by New, so that no name is there twice.
func (j jsonLines) appendAccess(buf []byte, at time.Time, rec AccessRecord) []byte {
	buf = appendJSONHead(buf, at, accessLevel, accessLogger)
	buf = rec.appendJSON(buf, j.eventName)
	return append(buf, '}')
}

func appendJSONHead(buf []byte, at time.Time, level slog.Level, logger string) []byte {
	buf = append(buf, `{"timestamp":"`...)
	buf = appendJSONTime(buf, at.UTC())
	buf = append(buf, `","level":"`...)
	buf = append(buf, levelNameLower(level)...)
	buf = append(buf, `","logger":`...)
	return appendJSONString(buf, logger)
}

// appendJSONTime is AppendFormat with jsonTime, of which every access line needs
// one, in a fraction of the time.
func appendJSONTime(buf []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(buf, jsonTime)
	}
	hour, minute, second := t.Clock()
	buf = appendDigits(buf, year, 4)
	buf = appendDigits(append(buf, '-'), int(month), 2)
	buf = appendDigits(append(buf, '-'), day, 2)
	buf = appendDigits(append(buf, 'T'), hour, 2)
	buf = appendDigits(append(buf, ':'), minute, 2)
	buf = appendDigits(append(buf, ':'), second, 2)
	buf = appendDigits(append(buf, '.'), t.Nanosecond()/1000, 6)
	return append(buf, 'Z')
}

// appendDigits appends the last digits of n, which is not negative, with zeros in
// front.
func appendDigits(buf []byte, n, digits int) []byte {
	buf = append(buf, "000000"[:digits]...)
	for i := len(buf) - 1; n > 0 && digits > 0; i, digits = i-1, digits-1 {
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	return buf
}

func appendMember(buf []byte, key string, f field) []byte {
	buf = appendJSONString(buf, key)
	buf = append(buf, ':')
	if f.group == nil {
		return appendJSONValue(buf, f.value)
	}
	buf = append(buf, '{')
	for i, m := range f.group.fields {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendMember(buf, m.key, m)
	}
	return append(buf, '}')
}
