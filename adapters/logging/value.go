package logging

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// appendJSONValue appends v as one JSON value, whatever it is. Durations are
// written as Go writes them ("1.5s"), times in RFC 3339, errors as their text.
func appendJSONValue(buf []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindBool:
		return appendTextValue(buf, v)
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return appendTextValue(buf, v)
		}
	case slog.KindTime:
		return appendJSONString(buf, v.Time().Format(time.RFC3339Nano))
	case slog.KindAny:
		text, isJSON := render(v.Any())
		if isJSON {
			return appendJSON(buf, text)
		}
		return appendJSONString(buf, text)
	}
	return appendJSONString(buf, v.String())
}

// appendTextValue appends v as the right-hand side of key=value.
func appendTextValue(buf []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(buf, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(buf, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(buf, v.Bool())
	case slog.KindFloat64:
		return strconv.AppendFloat(buf, v.Float64(), 'g', -1, 64)
	case slog.KindTime:
		return append(buf, v.Time().Format(time.RFC3339Nano)...)
	case slog.KindAny:
		text, _ := render(v.Any())
		return appendToken(buf, text)
	}
	return appendToken(buf, v.String())
}

// render turns any other value into its text, or into compact JSON when
// isJSON. It never panics and never fails: what cannot be rendered becomes a
// text that says so.
func render(v any) (text string, isJSON bool) {
	defer func() {
		if p := recover(); p != nil {
			text, isJSON = fmt.Sprintf("!(panic rendering %T)", v), false
		}
	}()
	switch x := v.(type) {
	case nil:
		return "null", true
	case error:
		return x.Error(), false
	case *url.URL:
		return domain.RedactURL(x.String()), false
	case url.URL:
		return domain.RedactURL(x.String()), false
	case json.Marshaler, encoding.TextMarshaler:
	case fmt.Stringer:
		return x.String(), false
	}
	// fmt's %v as a fallback would never return from a map that holds itself;
	// encoding/json notices.
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprintf("!(%T: %v)", v, err), false
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), true
}
