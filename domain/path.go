package domain

import "strconv"

// Path is a place in a document. It is a chain, so that it costs nothing until a
// Problem needs its text. The zero Path is the document.
type Path struct {
	parent *Path
	name   string
	index  int // when name is ""
}

// Field returns the path of a field of p.
func (p *Path) Field(name string) Path { return Path{parent: p, name: name} }

// Index returns the path of an element of p.
func (p *Path) Index(i int) Path { return Path{parent: p, index: i} }

// String returns the path's text, such as project.segments[3].rules[0].
func (p *Path) String() string { return string(p.append(nil)) }

func (p *Path) append(dst []byte) []byte {
	if p == nil || p.parent == nil && p.name == "" {
		return dst
	}
	dst = p.parent.append(dst)
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
