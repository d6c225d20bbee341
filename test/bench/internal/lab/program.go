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

// Main is the main function of a program that measures, after it has read its
// flags: it calls run with a context that ends with the program's, and a directory
// that is removed after it, and ends the process with 1 when run fails.
func Main(name string, run func(ctx context.Context, directory string) error) {
	if err := inDirectory(name, run); err != nil {
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

// Part is one thing that a program measures.
type Part struct {
	Name    string
	Measure func(context.Context) error
}

// Measure measures those parts of known that are called for, in the order of
// known. names separates them by commas; one that is not known is an error.
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
