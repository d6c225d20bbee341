package harness_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// standIn is the variable that turns this test binary into a stand-in for the
// proxy, so that the harness is tested without one; its value says how the
// stand-in behaves.
const standIn = "STAND_IN"

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(standIn); behaviour != "" {
		os.Exit(runStandIn(behaviour))
	}
	os.Exit(m.Run())
}

// runStandIn prints what it was started with, listens, is ready and ends on
// SIGTERM, but for what its behaviour says.
func runStandIn(behaviour string) int {
	says := func(event map[string]any) {
		text, _ := json.Marshal(event)
		fmt.Println(string(text))
	}
	config := ""
	if path := os.Getenv("CONFIG_PATH"); path != "" {
		text, _ := os.ReadFile(path)
		config = string(text)
	}
	dir, _ := os.Getwd()
	entries, _ := os.ReadDir(dir)
	shown := os.Environ()
	if behaviour != "tells" {
		config, shown = "", nil
	}
	says(map[string]any{"message": "started", "args": os.Args[1:], "env": shown, "config": config, "files": len(entries)})
	switch behaviour {
	case "ends":
		fmt.Fprintln(os.Stderr, "no, thank you")
		return 2
	case "mute":
		select {} // the test ends it
	case "panics":
		panic("deliberately")
	}

	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("SERVER_HOST"), os.Getenv("SERVER_PORT")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if behaviour == "generic" {
		fmt.Printf("2026-01-02 03:04:05 [info] listening address=%s version=1\n", listener.Addr())
	} else {
		says(map[string]any{"message": "listening", "address": listener.Addr().String()})
	}
	var asked atomic.Int64
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := asked.Add(1)
			if n < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			fmt.Fprintf(w, "%d %s", n, strings.Join(r.Header.Values("X-Test"), "|"))
		}))
	}()
	<-stop
	if behaviour == "leaks" {
		fmt.Println("oops: ser.abcdefghijkl")
	}
	if behaviour == "grumbles" {
		return 3
	}
	says(map[string]any{"message": "stopped"})
	return 0
}
