//go:build integration

package rediscontainers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Image is what the servers run: any Redis of version 7 will do.
const Image = "redis:7-alpine"

// patience bounds each step: a start, a stop, a command.
const patience = time.Minute

// Server is one Redis or Sentinel in a container. Its methods fail the test they
// are given when they cannot do their work.
type Server struct {
	container testcontainers.Container
	port      int
	cli       []string // redis-cli and the arguments it needs to get in
}

// spec says how to start a Server.
type spec struct {
	entrypoint []string // unless it is the image's
	arguments  []string
	files      []testcontainers.ContainerFile
	cli        []string // arguments for redis-cli, beside the port
}

// start starts a server that listens on port and waits until it answers.
func start(tb testing.TB, port int, s spec) *Server {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			host.NetworkMode = "host"
		}),
		testcontainers.WithCmd(s.arguments...),
		testcontainers.WithFiles(s.files...),
	}
	if s.entrypoint != nil {
		options = append(options, testcontainers.WithEntrypoint(s.entrypoint...))
	}
	started, err := testcontainers.Run(ctx, Image, options...)
	testcontainers.CleanupContainer(tb, started, testcontainers.StopTimeout(0))
	if err != nil {
		tb.Fatalf("start %s (is Docker there?): %v", Image, err)
	}
	server := &Server{
		container: started,
		port:      port,
		cli:       append([]string{"redis-cli", "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-c", "-e"}, s.cli...),
	}
	server.awaitAnswer(tb)
	return server
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Command runs a Redis command on the server, as its administrator, and returns
// the answer as redis-cli prints it. A Cluster's node passes it on to the one
// that has the key.
func (s *Server) Command(tb testing.TB, words ...string) string {
	tb.Helper()
	answer, err := s.command(words...)
	if err != nil {
		tb.Fatalf("redis-cli %s on %s: %v", strings.Join(words, " "), s.Addr(), err)
	}
	return answer
}

// TryCommand is Command for a server that may end the connection, as one does that
// becomes a replica.
func (s *Server) TryCommand(words ...string) (string, error) { return s.command(words...) }

func (s *Server) command(words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, output, err := s.container.Exec(ctx, slices.Concat(s.cli, words), exec.Multiplexed())
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(output)
	if err != nil {
		return "", err
	}
	answer := strings.TrimSpace(string(text))
	if code != 0 {
		return "", fmt.Errorf("exit code %d: %s", code, answer)
	}
	return answer, nil
}

// Pause freezes the server: connections stay open, and it answers nothing.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	s.engine(tb, "pause", func(ctx context.Context, docker *testcontainers.DockerClient) error {
		_, err := docker.ContainerPause(ctx, s.container.GetContainerID(), client.ContainerPauseOptions{})
		return err
	})
}

// Unpause lets a paused server go on.
func (s *Server) Unpause(tb testing.TB) {
	tb.Helper()
	s.engine(tb, "unpause", func(ctx context.Context, docker *testcontainers.DockerClient) error {
		_, err := docker.ContainerUnpause(ctx, s.container.GetContainerID(), client.ContainerUnpauseOptions{})
		return err
	})
	s.awaitAnswer(tb)
}

// Kill ends the server at once; what it has not saved is lost.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.engine(tb, "kill", func(ctx context.Context, docker *testcontainers.DockerClient) error {
		_, err := docker.ContainerKill(ctx, s.container.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"})
		return err
	})
	wait.ForSuccess(tb, patience, "end of "+s.Addr(), func() error {
		if !s.ended() {
			return errors.New("still running")
		}
		return nil
	})
}

func (s *Server) ended() bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state, err := s.container.State(ctx)
	return err == nil && !state.Running
}

// Stop ends the server in good order: it saves its data first.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	grace := patience / 2
	if err := s.container.Stop(ctx, &grace); err != nil {
		tb.Fatalf("stop %s: %v", s.Addr(), err)
	}
}

// Start starts a server that was stopped or killed, with the data it saved.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.container.Start(ctx); err != nil {
		tb.Fatalf("start %s: %v", s.Addr(), err)
	}
	s.awaitAnswer(tb)
}

func (s *Server) engine(tb testing.TB, what string, f func(context.Context, *testcontainers.DockerClient) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		tb.Fatalf("%s %s: %v", what, s.Addr(), err)
	}
	defer func() { _ = docker.Close() }()
	if err := f(ctx, docker); err != nil {
		tb.Fatalf("%s %s: %v", what, s.Addr(), err)
	}
}

func (s *Server) awaitAnswer(tb testing.TB) {
	tb.Helper()
	wait.ForSuccess(tb, patience, "answer of "+s.Addr(), func() error {
		answer, err := s.command("PING")
		if err == nil && answer != "PONG" {
			err = errors.New(answer)
		}
		if err != nil && s.ended() {
			tb.Fatalf("%s has ended; it says:\n%s", s.Addr(), s.log())
		}
		return err
	})
}

// log is what the server printed, as far as that can be had.
func (s *Server) log() string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	printed, err := s.container.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = printed.Close() }()
	text, err := io.ReadAll(printed)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// freePorts returns n ports of this machine that nobody listens on. They are below those
// that systems give to outgoing connections (32768 and above on Linux), which could take
// one before the server listens on it.
func freePorts(tb testing.TB, n int) []int {
	tb.Helper()
	const lowest, count, tries = 20_000, 10_000, 1000
	ports := make([]int, 0, n)
	for range tries {
		if len(ports) == n {
			return ports
		}
		port := lowest + rand.IntN(count)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // somebody listens there
		}
		// All are held until the last is found, so that they differ.
		defer func() { _ = listener.Close() }()
		ports = append(ports, port)
	}
	tb.Fatalf("only %d of %d ports are free after %d tries", len(ports), n, tries)
	return nil
}
