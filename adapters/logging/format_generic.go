package logging

import (
	"log/slog"
	"time"
)

// generic is the format for people: time, level, event, attributes, logger.
type generic struct {
	colours bool
	times   *timestamps
}

func newGeneric() generic { return generic{times: &timestamps{decimals: 3}} }

func (g generic) appendRecord(buf []byte, r *record) []byte {
	buf = g.appendHead(buf, r.at, r.level)
	buf = appendPrintable(buf, r.event, false)
	buf = appendPairs(buf, "", &r.attrs, func(key string) bool { return key == "logger" })
	return appendLogger(buf, r.logger)
}

func (g generic) appendAccess(buf []byte, at time.Time, rec AccessRecord) []byte {
	buf = g.appendHead(buf, at, accessLevel)
	buf = rec.appendText(buf)
	return appendLogger(buf, accessLogger)
}

func (g generic) appendHead(buf []byte, at time.Time, level slog.Level) []byte {
	buf = g.times.append(buf, at)
	buf = append(buf, ' ')
	l := levels[shown(level)]
	if g.colours {
		buf = append(buf, l.colour...)
	}
	buf = append(buf, l.name...)
	if g.colours {
		buf = append(buf, "\x1b[0m"...)
	}
	const width = len("CRITICAL") + 1
	return append(buf, "         "[:width-len(l.name)]...)
}

func appendLogger(buf []byte, name string) []byte {
	buf = append(buf, " logger="...)
	return appendToken(buf, name)
}

// appendPairs appends the attributes as key=value, a blank before each; the
// members of a group have its name and a dot before theirs.
func appendPairs(buf []byte, prefix string, g *group, reserved func(string) bool) []byte {
	for _, f := range g.fields {
		key := prefix + g.unreserved(f.key, reserved)
		if f.group != nil {
			buf = appendPairs(buf, key+".", f.group, noneReserved)
			continue
		}
		buf = append(buf, ' ')
		buf = appendToken(buf, key)
		buf = append(buf, '=')
		buf = appendTextValue(buf, f.value)
	}
	return buf
}

func noneReserved(string) bool { return false }
