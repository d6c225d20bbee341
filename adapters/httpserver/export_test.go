package httpserver

// Sizes in bytes.
const (
	MaxHead    = maxHead
	MaxRequest = maxRequest
	MaxCopied  = maxCopied
)

// MaxFields is the limit of a plain request's headers.
const MaxFields = maxFields

// Front is the fast path on its own, for comparison with net/http.
type Front = front

// NewFront returns the fast path in front of a server.
var NewFront = newFront

// MaxStreams is how many requests may be under way on one connection of HTTP/2.
const MaxStreams = maxStreams

// PlacesOfHTTP2 is how many connections one of HTTP/2 applies as.
const PlacesOfHTTP2 = placesOfHTTP2
