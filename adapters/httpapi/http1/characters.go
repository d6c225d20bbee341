package http1

// class is a set of classes of characters.
type class uint8

const (
	inName  class = 1 << iota // of a header's name: RFC 9110, section 5.6.2
	inValue                   // of a header's value: section 5.5
	inPath                    // of a path that stands for itself, for net/url as well
	inQuery                   // of a query
	inHost                    // of a name or an address, with or without a port
)

// all reports whether all bytes of text are of a class.
func all(text string, c class) bool {
	for i := range len(text) {
		if classes[text[i]]&c == 0 {
			return false
		}
	}
	return true
}

// classes has the classes of each byte.
var classes = func() (t [256]class) {
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for c, others := range map[class]string{
		inName: "!#$%&'*+-.^_`|~",
		inPath: "/-_.~$&+,:;=@",
		inHost: ".-_:[]",
	} {
		for _, b := range []byte(alphanumeric + others) {
			t[b] |= c
		}
	}
	for b := range t {
		if b > ' ' && b != 0x7F {
			t[b] |= inQuery | inValue
		}
	}
	t[' '] |= inValue
	t['\t'] |= inValue
	return t
}()
