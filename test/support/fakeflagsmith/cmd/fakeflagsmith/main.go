// Command fakeflagsmith runs package fakeflagsmith as a process of its own. It
// prints one line of JSON with its address, then serves until it is asked to
// stop: by SIGINT, SIGTERM, or, with -until-stdin-closes, by the end of its
// standard input, so that it never outlives the test that started it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on; port 0 takes a free one")
	untilStdin := flag.Bool("until-stdin-closes", false, "stop at the end of standard input")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *untilStdin {
		go func() { // ends with standard input, or with the process
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	if err := run(ctx, *listen, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fakeflagsmith:", err)
		os.Exit(1)
	}
}

// run serves on address until ctx ends, and announces itself on out.
func run(ctx context.Context, address string, out io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fake := fakeflagsmith.New()
	server := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	if err := json.NewEncoder(out).Encode(map[string]string{
		"message": "listening", "address": listener.Addr().String(),
	}); err != nil {
		return fmt.Errorf("announce: %w", err)
	}

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	fake.Close()
	grace, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
