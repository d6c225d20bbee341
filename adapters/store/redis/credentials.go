package redis

import (
	"bytes"
	"fmt"
)

// credentials returns the user and password for a new connection. A password
// file is read each time, so that a rotated password needs no restart.
func (l *location) credentials(read readFile) (username, password string, err error) {
	if l.passwordFile == "" {
		return l.username, l.password, nil
	}
	password, err = readPassword(read, "password_file", l.passwordFile)
	return l.username, password, err
}

// readPassword returns the file's text without the line break that editors and
// shells leave at its end.
func readPassword(read readFile, parameter, file string) (string, error) {
	text, err := read(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", parameter, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return "", fmt.Errorf("%s: %s is empty", parameter, file)
	}
	return string(text), nil
}
