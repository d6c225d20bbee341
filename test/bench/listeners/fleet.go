package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// fleet measures how soon every node of a fleet on one Redis serves and announces
// a change. A node announces what it already serves.
func (l *laboratory) fleet(ctx context.Context) error {
	store, stop, err := startRedis(ctx, l.directory)
	if err != nil {
		return err
	}
	defer stop()
	o, err := newOrigin()
	if err != nil {
		return err
	}
	defer o.close()
	heard := make(chan received, l.nodes*l.changes)
	for range l.nodes {
		p, err := o.start(ctx, l.binary, l.directory, "STORE_URL="+store)
		if err != nil {
			return err
		}
		defer p.Stop()
		one, err := listen(p.Address)
		if err != nil {
			return err
		}
		defer one.conn.Close()
		go func() { _ = one.hear(func(r received) { heard <- r }) }() // ends with the connection
	}
	var first, last durations
	for range l.changes {
		at, data, err := o.change()
		if err != nil {
			return err
		}
		var took durations
		limit := time.After(patience)
		for len(took) < l.nodes {
			select {
			case r := <-heard:
				if r.data == data {
					took = append(took, r.at.Sub(at))
				}
			case <-limit:
				return fmt.Errorf("%d of %d nodes did not announce %s within %s", l.nodes-len(took), l.nodes, data, patience)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		took = took.sorted()
		first, last = append(first, took[0]), append(last, took[len(took)-1])
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Printf("%d changes, %d nodes\n", l.changes, l.nodes)
	fmt.Printf("event to first node           %s\n", first)
	fmt.Printf("event to last node            %s\n", last)
	return nil
}

// startRedis starts a Redis without persistence and returns its URL.
func startRedis(ctx context.Context, directory string) (url string, stop func(), err error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "", nil, errors.New("redis-server is missing: apt-get install redis-server")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	log, err := os.Create(filepath.Join(directory, "redis.log"))
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory)
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	_ = log.Close() // the process has its own
	if err != nil {
		return "", nil, fmt.Errorf("start redis-server: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return "redis://" + address, stop, nil
		}
	}
	stop()
	return "", nil, errors.New("redis-server did not start")
}
