package pace_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/edge-proxy/edge-proxy/domain/pace"
)

func TestReader(t *testing.T) {
	for _, size := range []int{0, 1, pace.Large, pace.Large + 1, pace.Large + 4*pace.Piece} {
		body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		pauses := 0
		r := &pace.Reader{Source: bytes.NewReader(body), Pause: func() { pauses++ }}
		got := make([]byte, size+1)
		n, err := pace.Fill(r, got)
		if !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], body) {
			t.Errorf("%d bytes: read %d, %v", size, n, err)
		}
		// At the end there is one more read, for io.EOF.
		if most := max(0, size-pace.Large)/pace.Piece + 1; pauses > most || (pauses == 0) != (size < pace.Large) {
			t.Errorf("%d bytes: %d pauses", size, pauses)
		}
	}
}

func TestFill(t *testing.T) {
	b := make([]byte, 4)
	if n, err := pace.Fill(iotest.OneByteReader(strings.NewReader("abcdef")), b); n != 4 || err != nil || string(b) != "abcd" {
		t.Errorf("%d, %v, %q", n, err, b)
	}
	cut := io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if n, err := pace.Fill(cut, b); n != 2 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestHash(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 3*pace.Piece+7)
	fromBytes, fromText := sha256.New(), sha256.New()
	pace.Hash(fromBytes, body)
	pace.Hash(fromText, string(body))
	want := sha256.Sum256(body)
	if !bytes.Equal(fromBytes.Sum(nil), want[:]) || !bytes.Equal(fromText.Sum(nil), want[:]) {
		t.Error("the hash differs from that of the whole")
	}
}
