package memory

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/edge-proxy/edge-proxy/ports"
)

// packed is a body as it is held: compressed, for it is a second copy of a
// document that is being served, and is hardly ever asked for.
type packed struct {
	size  int
	parts [][]byte // of at most partSize bytes each before they were compressed
}

// partSize bounds the room that packing takes beside its result.
const partSize = 1 << 20

// pack returns body packed. It keeps nothing of it.
func pack(body []byte) packed {
	p := packed{size: len(body)}
	room := make([]byte, s2.MaxEncodedLen(min(len(body), partSize)))
	for len(body) > 0 {
		part := body[:min(len(body), partSize)]
		body = body[len(part):]
		p.parts = append(p.parts, bytes.Clone(s2.Encode(room, part)))
	}
	return p
}

// body returns what was packed, as a copy of the caller's own without spare
// capacity.
func (p packed) body() ([]byte, error) {
	if p.size == 0 {
		return nil, nil
	}
	body := make([]byte, p.size)
	for i, part := range p.parts {
		at := i * partSize
		if _, err := s2.Decode(body[at:min(at+partSize, p.size):min(at+partSize, p.size)], part); err != nil {
			return nil, fmt.Errorf("memory: %w: %w", ports.ErrCorrupt, err)
		}
	}
	return body, nil
}
