//go:build !(linux || darwin)

package bolt_test

import "fmt"

func playLimited(role, _ string) error { return fmt.Errorf("unknown role %q", role) }
