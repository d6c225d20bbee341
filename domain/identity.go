package domain

// Identity is the identifier and the traits for which flags are evaluated. The proxy
// does not store identities; a request carries everything that evaluation needs.
type Identity struct {
	Identifier string
	Traits     []Trait
}

// Trait is one named property of an identity. Of several traits with one key the
// last wins. Values are strings, numbers, booleans or null.
type Trait struct {
	Key   string
	Value Value
	// Transient says that the trait must not be stored, and Marked that the request said
	// whether it is transient. The proxy stores no traits: it only repeats the mark.
	Transient, Marked bool
}
