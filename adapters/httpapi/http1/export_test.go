package http1

// Sizes in bytes.
const (
	HeadMost    = headMost
	RequestMost = requestMost
	OutSize     = outSize
)

const FieldsMost = fieldsMost
