package httpserver

// class is a set of character classes.
type class uint8

const (
	inName  class = 1 << iota // a header's name: RFC 9110, section 5.6.2
	inValue                   // a header's value: section 5.5
	inPath                    // a path that net/url leaves as it is
	inQuery                   // a query
	inHost                    // a name or an address, with or without a port
)

// all reports whether all bytes of text belong to class c.
func all(text string, c class) bool {
	for i := range len(text) {
		if classes[text[i]]&c == 0 {
			return false
		}
	}
	return true
}

// classes holds the classes of each byte.
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
