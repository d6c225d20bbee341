package httpapi

import (
	"net/http"
	"strconv"
	"strings"
)

// compressFrom is the size in bytes from which bodies are gzipped for clients that
// accept it. Such answers vary by Accept-Encoding (docs/spec/behaviour.md#compression).
const compressFrom = 1000

// acceptsGzip reports whether the client accepts a gzipped body and does not prefer a
// plain one (RFC 9110, section 12.5.3).
func acceptsGzip(request http.Header) bool {
	gzip, star, identity := -1.0, -1.0, -1.0 // weights; negative: not in the list
	for _, line := range request["Accept-Encoding"] {
		for line != "" {
			var item string
			item, line, _ = strings.Cut(line, ",")
			coding, weight := item, 1.0
			if i := strings.IndexByte(item, ';'); i >= 0 {
				coding, weight = item[:i], qvalue(item[i+1:])
			}
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				gzip = weight
			case coding == "*":
				star = weight
			case strings.EqualFold(coding, "identity"):
				identity = weight
			}
		}
	}
	if gzip < 0 {
		gzip = star
	}
	return gzip > 0 && gzip >= identity
}

// qvalue returns the weight among an item's parameters: 1 without a weight, and 0 for an
// invalid one.
func qvalue(parameters string) float64 {
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(weight >= 0 && weight <= 1) {
				return 0
			}
			return weight
		}
	}
	return 1
}
