package adminapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wantsPage reports whether a client prefers HTML to JSON. A client that has no
// preference gets JSON.
func wantsPage(r *http.Request) bool {
	return preference(r, "text/html") > preference(r, "application/json")
}

// wantsStream reports whether a client prefers server-sent events to JSON.
func wantsStream(r *http.Request) bool {
	return preference(r, "text/event-stream") > preference(r, "application/json")
}

// preference returns the quality that Accept gives a media type, 0 to 1. The most
// specific range decides.
func preference(r *http.Request, media string) float64 {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		accept = "*/*"
	}
	kind, _, _ := strings.Cut(media, "/")
	quality, specific := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		offered, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		rank := map[string]int{media: 2, kind + "/*": 1, "*/*": 0}
		if n, matches := rank[offered]; matches && n > specific {
			specific, quality = n, 1
			if q, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
				quality = min(max(q, 0), 1)
			}
		}
	}
	return quality
}
