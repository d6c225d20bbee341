// Command bare is the program that the proxy is compared with: a net/http handler
// that only reads the request's body and writes the bytes of a file.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

func main() {
	body := flag.String("body", "", "file whose bytes are every answer's body")
	encoding := flag.String("content-encoding", "", "Content-Encoding of the answers, none by default")
	flag.Parse()
	if err := run(*body, *encoding); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

// run serves on a free port until it is killed. It announces the port on standard
// output in the same form as the proxy.
func run(path, encoding string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	announcement := map[string]string{"message": "listening", "address": listener.Addr().String()}
	if err := json.NewEncoder(os.Stdout).Encode(announcement); err != nil {
		return err
	}
	return http.Serve(listener, handler(body, encoding))
}

func handler(body []byte, encoding string) http.Handler {
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", length)
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(body)
	})
}
