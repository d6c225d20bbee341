package fakeflagsmith_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"time"
)

// patience bounds the wait for what the server notices a little later.
const patience = 10 * time.Second

func stringReader(s string) io.Reader {
	if s == "" {
		return nil
	}
	return strings.NewReader(s)
}

func gunzip(body string) (string, error) {
	r, err := gzip.NewReader(bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
