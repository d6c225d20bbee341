package storetest_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
)

// TestRun runs the suite as store authors do, on stores that keep the contract.
func TestRun(t *testing.T) {
	t.Run("refused when away", func(t *testing.T) { storetest.Run(t, harness(false, nil)) })
	t.Run("silent when away", func(t *testing.T) { storetest.Run(t, harness(true, nil)) })
}

var _ = memory.Scheme
var _ ports.Store
