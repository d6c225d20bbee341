package domain

// Identity is who flags are evaluated for: an identifier and its traits. The
// proxy keeps no identities; a request brings all that counts.
type Identity struct {
	Identifier string
	Traits     []Trait
}

// Trait is one named property of an identity. Of several traits with one key the
// last counts. Values are strings, numbers, booleans or null.
type Trait struct {
	Key   string
	Value Value
}
