package logging

import (
	"log/slog"
	"time"
)

// jsonLines is the format for machines: one object a line.
type jsonLines struct {
	event     string // the name of the event's member
	eventName []byte // ,"EVENT": ready to append
	access    []byte // what is between the time and the event of an access line
	names     accessNames
	times     *timestamps
}

func newJSONLines(event string) jsonLines {
	name := append(appendJSONString([]byte{','}, event), ':')
	access := append(appendJSONOrigin(nil, accessLevel, accessLogger), name...)
	return jsonLines{event: event, eventName: name, access: access, names: newAccessNames(event), times: &timestamps{decimals: 6}}
}

// reserved are the members every line has at its top.
func (j jsonLines) reserved(key string) bool {
	return key == j.event || isFixedMember(key)
}

func isFixedMember(key string) bool {
	return key == "timestamp" || key == "level" || key == "logger"
}

func (j jsonLines) appendRecord(buf []byte, r *record) []byte {
	buf = appendJSONOrigin(j.appendTime(buf, r.at), r.level, r.logger)
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
	buf = append(j.appendTime(buf, at), j.access...)
	return append(rec.appendJSON(buf, &j.names), '}')
}

func (j jsonLines) appendTime(buf []byte, at time.Time) []byte {
	return j.times.append(append(buf, `{"timestamp":"`...), at)
}

// appendJSONOrigin appends what follows the time.
func appendJSONOrigin(buf []byte, level slog.Level, logger string) []byte {
	buf = append(buf, `","level":"`...)
	buf = append(buf, levels[shown(level)].lower...)
	buf = append(buf, `","logger":`...)
	return appendJSONString(buf, logger)
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
