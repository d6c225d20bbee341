// Package logging builds the proxy's loggers on log/slog from the settings
// under logging.* (docs/spec/behaviour.md#logging).
//
// # Names and inheritance
//
// Loggers have dotted names and form a tree, as in Python's logging module:
// "uvicorn.access" is a child of "uvicorn", which is a child of the root. A
// logger without a level of its own has the level of its nearest ancestor that
// has one. A line goes to the handlers of its logger and, as long as propagate
// holds, to those of every ancestor; on the way up only the levels of the
// handlers are asked, never those of the ancestors. A handler attached twice on
// that way gets the line twice. A logger without any handler writes nothing.
//
// Without an override the root logger has the level logging.log_level and one
// handler, "default", which writes to standard output in logging.log_format.
// What logging.override says is laid over that, key by key: a root logger that
// is only given a level keeps its handler.
//
// # Lines
//
// The generic format is one readable line,
//
//	2026-03-01T09:30:00.123Z INFO     environment_updated client_side_key=abc size=5120 logger=edge_proxy.environments
//
// and the json format one object a line: timestamp, level, logger, the event
// under the configured name, then the attributes, groups nested. An attribute
// named like one of those four gets as many underscores appended as it takes to
// be unique; of several attributes of one name in one group the last wins.
// Values cannot break a line: control characters, invalid UTF-8, numbers JSON
// has no form for and values that fail to marshal are escaped or replaced.
// Server-side keys are masked in every line, wherever they stand in it.
//
// # Delivery
//
// A caller that logs never waits for a destination. Each destination has a buffer, and a
// goroutine that writes it: at once after an ordinary line; after access lines when the
// buffer holds 64 KiB or 200 ms after the first of them; and on [Loggers.Close]. So a
// normal shutdown loses no line. When a destination takes no bytes until 8 MiB are
// waiting, further lines are lost. Lost lines are counted ([Loggers.Lost]); the line
// log_lines_lost has their number once writing works again. The first failure of each
// destination is reported on standard error.
//
// # Changes
//
// All of it can change while it is used: see [Loggers.Prepare]. Loggers that
// were handed out go by the new options from then on, and no line is lost.
package logging
