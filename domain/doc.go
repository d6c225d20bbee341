// Package domain holds what the Edge Proxy is about, free of I/O: environment
// documents and their parts, keys and the key ring, identities and their traits,
// and the arithmetic of freshness. It imports the standard library only and
// never asks what time it is.
package domain
