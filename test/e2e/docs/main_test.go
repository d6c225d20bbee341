package docs_test

import (
	"os"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
