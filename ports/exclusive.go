package ports

// Exclusive is what a Store may implement besides. One that does not is treated as
// one whose records other processes use too.
type Exclusive interface {
	// Exclusive reports whether the records belong to this handle alone, so that
	// what it no longer needs may be deleted: nobody else reads or writes them
	// while the handle is open. It is the same on every call, and may be called
	// at any time, also after Close.
	Exclusive() bool
}
