package harness

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// rawTimeout bounds a raw request with its answer.
const rawTimeout = 15 * time.Second

// RawRequest is an HTTP/1.1 request whose every header the test decides.
type RawRequest struct {
	Method  string
	Target  string // path and query, sent as they are
	Headers [][2]string
	Body    []byte // nil: none
}

// RawResponse is an answer as it came over the wire: nothing is decompressed,
// no redirect followed.
type RawResponse struct {
	Status int
	Header http.Header
	Body   []byte
}

// Raw sends a request over a connection of its own. To the headers given it
// adds Host, and Content-Length where the request has a body or its method
// usually does; nothing else, and neither when the test sets it (or
// Transfer-Encoding) itself.
func Raw(address string, r RawRequest) (RawResponse, error) {
	connection, err := net.DialTimeout("tcp", address, rawTimeout)
	if err != nil {
		return RawResponse{}, fmt.Errorf("harness: raw request: %w", err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return RawResponse{}, fmt.Errorf("harness: raw request: %w", err)
	}
	// A server may answer before it has read everything; what it says then
	// matters more than that it stopped listening.
	_, sendErr := connection.Write(r.wire(address))
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: r.Method})
	if err != nil {
		return RawResponse{}, fmt.Errorf("harness: answer to %s %s: %w", r.Method, r.Target, errors.Join(sendErr, err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return RawResponse{}, fmt.Errorf("harness: body of %s %s: %w", r.Method, r.Target, err)
	}
	return RawResponse{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

func (r RawRequest) wire(address string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\n", r.Method, r.Target)
	if !r.has("Host") {
		fmt.Fprintf(&out, "Host: %s\r\n", address)
	}
	for _, header := range r.Headers {
		fmt.Fprintf(&out, "%s: %s\r\n", header[0], header[1])
	}
	takesBody := r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch
	if (r.Body != nil || takesBody) && !r.has("Content-Length") && !r.has("Transfer-Encoding") {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", len(r.Body))
	}
	out.WriteString("\r\n")
	out.Write(r.Body)
	return out.Bytes()
}

func (r RawRequest) has(name string) bool {
	for _, header := range r.Headers {
		if strings.EqualFold(header[0], name) {
			return true
		}
	}
	return false
}
