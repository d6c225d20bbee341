package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errForeign reports that a file was never one of this store, as far as can be seen.
var errForeign = errors.New("it is not a database of this program")

// refuseForeign returns errForeign in place of damage to a file that this store never
// wrote. Other errors stay as they are.
func refuseForeign(r io.ReaderAt, err error) error {
	var damage *damageError
	if !errors.As(err, &damage) {
		return err
	}
	ours, readErr := wasOurs(r)
	switch {
	case readErr != nil:
		return fmt.Errorf("reading it: %w", readErr)
	case !ours:
		return fmt.Errorf("%w (%s)", errForeign, damage.reason)
	}
	return err
}

// wasOurs reports whether a damaged file may be set aside: it has the mark of a
// database or a name that this store writes, or it holds nothing but zeros, as a
// crash of the machine leaves files. Any other file belongs to somebody else.
func wasOurs(r io.ReaderAt) (bool, error) {
	const window, overlap = 1 << 20, 64 // a mark may lie across two windows
	marks := [][]byte{
		binary.NativeEndian.AppendUint32(nil, metaMagic),
		[]byte(formerBucket), []byte(bodiesBucket), []byte(stateBodiesBucket),
	}
	zeros := true
	buffer := make([]byte, window+overlap)
	for at := int64(0); ; at += window {
		n, err := r.ReadAt(buffer, at)
		for _, mark := range marks {
			if bytes.Contains(buffer[:n], mark) {
				return true, nil
			}
		}
		zeros = zeros && bytes.Count(buffer[:n], []byte{0}) == n
		switch {
		case errors.Is(err, io.EOF):
			return zeros, nil
		case err != nil:
			return false, err
		}
	}
}
