package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Main is the main function of a benchmark program after it has read its flags. It
// calls run with a context that an interrupt ends and with a temporary directory,
// and exits with 1 if run fails. In a process that StartLatencies started, it sends the
// requests instead.
func Main(name string, run func(ctx context.Context, directory string) error) {
	var err error
	if text := os.Getenv(loadVariable); text != "" {
		err = sendLoad(text, os.Stdin, os.Stdout)
	} else {
		err = inDirectory(name, run)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func inDirectory(name string, run func(ctx context.Context, directory string) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	directory, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	return run(ctx, directory)
}

// Part is a measurement of a program.
type Part struct {
	Name    string
	Measure func(context.Context) error
}

// Measure runs the parts of known that names lists, separated by commas, in the
// order of known. An unknown name is an error.
func Measure(ctx context.Context, known []Part, names string) error {
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if !slices.ContainsFunc(known, func(p Part) bool { return p.Name == name }) {
			return fmt.Errorf("unknown part %q", name)
		}
	}
	for _, p := range known {
		if !slices.Contains(wanted, p.Name) {
			continue
		}
		fmt.Printf("== %s\n", p.Name)
		if err := p.Measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		fmt.Println()
	}
	return nil
}
