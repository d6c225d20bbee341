package bolt

import (
	"errors"
	"fmt"

	"github.com/edge-proxy/edge-proxy/ports"
)

var (
	// errUnchanged is what a change returns that finds nothing to change.
	errUnchanged = errors.New("nothing to change")
	// errInvalid is a caller's mistake.
	errInvalid = errors.New("invalid argument")
)

// failure adds the name of the call to its error.
func failure(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bolt: %s: %w", call, err)
}

func corrupt(reason string) error { return fmt.Errorf("%w: %s", ports.ErrCorrupt, reason) }

// leavesTransaction reports whether a change that returned err has changed nothing
// and lets the others that share its transaction go on.
func leavesTransaction(err error) bool {
	return errors.Is(err, errUnchanged) || errors.Is(err, ports.ErrConflict) || errors.Is(err, ports.ErrCorrupt)
}

// maxName is how long keys and names may be (ports.Store).
const maxName = 1024

func checkName[S ~string](what string, name S) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: %s of %d bytes, at most %d are possible", errInvalid, what, len(name), maxName)
	}
	return nil
}

// inUseError says that another process has the file.
type inUseError struct{ path, holder string }

func (e *inUseError) Error() string {
	return fmt.Sprintf("%s is in use by another process%s, and a file serves one process at a time: stop the other one, or give this one a store.url of its own", e.path, e.holder)
}

// Is makes the error a ports.ErrInUse.
func (e *inUseError) Is(target error) bool { return target == ports.ErrInUse }
