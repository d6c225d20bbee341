package ports

// Exclusive is an optional interface of a Store. A Store without it is treated as one
// whose records other processes use too.
type Exclusive interface {
	// Exclusive reports whether the records belong to this handle alone, so that
	// records that are no longer needed may be deleted: nothing else reads or writes
	// them while the handle is open. It is the same on every call, and may be called at
	// any time, also after Close.
	Exclusive() bool
}
