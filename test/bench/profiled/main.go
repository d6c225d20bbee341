// Command profiled is the proxy with Go's profiling endpoints on a port of their
// own, given by PROFILE_ADDRESS. It is for measurements and for profile-guided
// builds. Releases do not have this port.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
)

func main() {
	if err := serveProfiles(os.Getenv("PROFILE_ADDRESS")); err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		os.Exit(1)
	}
	os.Exit(standard.Main())
}

// serveProfiles serves until the process ends.
func serveProfiles(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index) // heap, allocs, goroutine, …
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return nil
}
