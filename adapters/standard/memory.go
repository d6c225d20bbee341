package standard

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"

	"github.com/edge-proxy/edge-proxy/adapters/cgroup"
	"github.com/edge-proxy/edge-proxy/adapters/config"
)

const (
	// heapShare is the share of the container's memory that the Go runtime may use. The
	// rest is for what it does not count, such as the pages of the bbolt file.
	heapShare = 0.9
	// documentShare is how many times its size a document may take in memory: measured
	// are 4 times for one of identity overrides and 9 for one of segments.
	documentShare = 8
	// defaultMaxDocument is max_document_bytes where it is not set.
	defaultMaxDocument = 256 << 20
)

// limitMemory makes the Go runtime keep to the memory of the process's cgroup, unless
// GOMEMLIMIT says otherwise, and logs both that limit and the largest document that
// fits.
func limitMemory(ctx context.Context, s config.Settings, logger *slog.Logger) {
	source := "GOMEMLIMIT"
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		source = "cgroup"
		available, ok := cgroup.Memory()
		if !ok {
			logger.InfoContext(ctx, "memory_limit", "source", "none", "max_document_bytes", s.MaxDocumentBytes)
			return
		}
		debug.SetMemoryLimit(memoryLimitIn(available))
	}
	limit, fits := debug.SetMemoryLimit(-1), largestDocument()
	logger.InfoContext(ctx, "memory_limit", "limit_bytes", limit, "source", source, "max_document_bytes", maxDocument(s))
	if s.MaxDocumentBytes != defaultMaxDocument && s.MaxDocumentBytes > fits {
		logger.WarnContext(ctx, "memory_limit_is_low", "limit_bytes", limit, "max_document_bytes", s.MaxDocumentBytes, "fits", fits,
			"hint", "a document takes up to 8 times its size in memory: raise the memory limit of the container, or lower max_document_bytes")
	}
}

// memoryLimitIn returns how much of the memory of a container the Go runtime may use.
func memoryLimitIn(available int64) int64 { return int64(heapShare * float64(available)) }

// largestDocument returns the size in bytes of the largest document that the memory
// limit has room for.
func largestDocument() int64 { return debug.SetMemoryLimit(-1) / documentShare }

// maxDocument returns the size in bytes from which a document is refused:
// max_document_bytes or, where that is not set, no more than what memory has room for.
func maxDocument(s config.Settings) int64 {
	if s.MaxDocumentBytes == defaultMaxDocument {
		return max(min(s.MaxDocumentBytes, largestDocument()), 1024)
	}
	return s.MaxDocumentBytes
}
