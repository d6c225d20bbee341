package domain

import "strconv"

// path is a place in a document, kept as a chain so that it costs nothing until
// a problem asks for its text.
type path struct {
	parent *path
	name   string
	index  int // when name is ""
}

func (p *path) String() string { return string(p.append(nil)) }

func (p *path) append(dst []byte) []byte {
	if p.parent != nil {
		dst = p.parent.append(dst)
	}
	if p.name == "" {
		dst = append(dst, '[')
		dst = strconv.AppendInt(dst, int64(p.index), 10)
		return append(dst, ']')
	}
	if len(dst) > 0 {
		dst = append(dst, '.')
	}
	return append(dst, p.name...)
}
