package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

// writeProfile loads the proxy at every endpoint in turn and writes its processor
// profile to a file, for profile-guided builds.
func (b *bench) writeProfile(ctx context.Context, file string) error {
	b.serveProfile()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	process, err := b.startProxy(ctx, "proxy", func(s *lab.Setup) { s.Env = append(s.Env, "PROFILE_ADDRESS="+address) })
	if err != nil {
		return err
	}
	defer process.Stop()
	requests := make([]lab.Request, 0, len(endpoints()))
	for _, e := range endpoints() {
		if b.endpoints.MatchString(e.name) {
			requests = append(requests, e.request)
		}
	}
	// wrk takes a moment to begin and to end; these idle times are not measured.
	seconds := int(b.duration.Seconds()) * len(requests) * b.rounds
	taken := make(chan error, 1)
	go func() { taken <- fetchProfile(ctx, address, seconds, file) }()
	for range b.rounds {
		for _, r := range requests {
			if _, err := b.measure(ctx, process, r, b.connections); err != nil {
				return err
			}
		}
	}
	if err := <-taken; err != nil {
		return err
	}
	fmt.Printf("wrote %s, %d s of load\n", file, seconds)
	return nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func fetchProfile(ctx context.Context, address string, seconds int, file string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/profile?seconds="+strconv.Itoa(seconds), nil)
	if err != nil {
		return err
	}
	response, err := new(http.Client).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the profile: %s", response.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, response.Body)
	return err
}
