package ports

// Sized is an optional interface of a Store that keeps its records in a file.
type Sized interface {
	// Size returns how many bytes the store takes on disk. It reads no record, and is safe
	// for concurrent use, also after Close. An error says that the file cannot be looked at.
	Size() (int64, error)
}
