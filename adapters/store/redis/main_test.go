//go:build !integration

package redis_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain sees to it that closed stores leave no goroutines behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
