// Command mutation changes the code of packages in one place at a time, runs the
// tests of the package, and prints each change that no test notices. `make mutate`
// runs it; test/README.md has its figures.
//
// A change replaces one operator, as mutants.go says. The tests of a
// change are those of the same package that reach it, quick ones first. Changes
// that do not compile do not count. The working tree is never written to: Go reads
// a changed file through an overlay.
//
// The file equivalent.txt names changes that nobody could notice, each with its
// reason. They are not run.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	sample := flag.Int("sample", 0, "how many changes of each package to try, chosen at random; 0 tries all")
	seed := flag.Uint64("seed", 1, "what the choice of -sample depends on")
	list := flag.String("equivalent", filepath.Join("test", "mutation", "equivalent.txt"), "the `file` with the changes that nobody could notice")
	verbose := flag.Bool("v", false, "print also the changes that the tests notice")
	race := flag.Bool("race", false, "run the tests with the race detector; how much they allocate is not limited then")
	match := flag.String("match", "", "a `regexp`: only the changes it matches, as they are printed")
	flag.Parse()
	if err := run(os.Stdout, options{*list, *match, *sample, *seed, 2 * time.Second, *race, *verbose}, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

// options says which changes are tried.
type options struct {
	equivalent, match string
	sample            int
	seed              uint64
	patience          time.Duration // of the processor, on top of three times what the tests need
	race              bool
	verbose           bool
}

// run tries the changes of the packages that patterns name and writes what becomes
// of them to w.
func run(w io.Writer, o options, patterns []string) error {
	known, err := readEquivalents(o.equivalent)
	if err != nil {
		return err
	}
	match, err := regexp.Compile(o.match)
	if err != nil {
		return err
	}
	list := exec.Command("go", append([]string{"list", "-f", "{{.Dir}}"}, patterns...)...)
	list.Stderr = os.Stderr
	folders, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	scratch, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for _, folder := range strings.Fields(string(folders)) {
		p := &subject{folder: folder, scratch: scratch, known: known, match: match, patience: o.patience, race: o.race, verbose: o.verbose}
		if err := p.try(w, o.sample, o.seed); err != nil {
			return fmt.Errorf("%s: %w", p.name(folder), err)
		}
	}
	return nil
}

// subject is a package whose code is changed.
type subject struct {
	folder, scratch string
	known           equivalents
	match           *regexp.Regexp
	patience        time.Duration
	race, verbose   bool
	tests           []test
}

// name returns a path relative to the working directory.
func (p *subject) name(path string) string {
	if working, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(working, path); err == nil {
			return filepath.ToSlash(relative)
		}
	}
	return path
}

// line is how a change is printed.
func (p *subject) line(c change) string {
	return fmt.Sprintf("%s:%d:%d: %s", p.name(c.file), c.line, c.column, c.text)
}

func (p *subject) try(w io.Writer, sample int, seed uint64) error {
	changes, err := p.changes()
	if err != nil {
		return err
	}
	changes = slices.DeleteFunc(changes, func(c change) bool { return !p.match.MatchString(p.line(c)) })
	if len(changes) == 0 {
		return nil
	}
	if err := p.measure(); err != nil {
		return err
	}
	all := len(changes)
	if sample > 0 {
		changes = choose(changes, sample, seed)
	}
	counts := map[outcome]int{}
	for _, c := range changes {
		result := equivalent
		if !p.known.has(p.name(c.file), c) {
			if result, err = p.outcome(c); err != nil {
				return err
			}
		}
		counts[result]++
		if p.verbose || result != killed && result != invalid {
			fmt.Fprintf(w, "%-11s %s\n", result, p.line(c))
		}
	}
	counted := counts[killed] + counts[endless] + counts[survived]
	fmt.Fprintf(w, "%s: %d of %d noticed (%d by a test that never ended); %d equivalent, %d not reached by the tests",
		p.name(p.folder), counts[killed]+counts[endless], counted, counts[endless], counts[equivalent], counts[unreached])
	if len(changes) < all {
		fmt.Fprintf(w, "; a sample of %d of %d changes", len(changes), all)
	}
	fmt.Fprintln(w)
	return nil
}

// choose returns n of the changes, or all if there are fewer. Which ones and in which
// order depends on the seed alone, and more of them begin with the same ones: a run that
// is interrupted has tried a smaller sample.
func choose(changes []change, n int, seed uint64) []change {
	if n >= len(changes) {
		return changes
	}
	indices := rand.New(rand.NewPCG(seed, 0)).Perm(len(changes))[:n]
	chosen := make([]change, n)
	for i, index := range indices {
		chosen[i] = changes[index]
	}
	return chosen
}

// outcome is what became of a change.
type outcome string

const (
	killed     outcome = "killed"
	endless    outcome = "endless"
	survived   outcome = "survived"
	unreached  outcome = "not reached"
	equivalent outcome = "equivalent"
	invalid    outcome = "invalid"
)

// outcome tries one change.
func (p *subject) outcome(c change) (outcome, error) {
	quick, slow, took := p.reaching(c)
	if len(quick)+len(slow) == 0 {
		return unreached, nil
	}
	overlay, err := p.overlay(c)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(p.scratch, "changed.test")
	if output, err := p.compile(binary, "-ldflags=-s -w", "-overlay", overlay); err != nil {
		if !strings.Contains(string(output), changedFile+":") {
			return "", fmt.Errorf("go test -c: %w\n%s", err, output)
		}
		return invalid, nil
	}
	for _, names := range [][]string{quick, slow} {
		if len(names) == 0 {
			continue
		}
		command := p.command(binary, names, p.patience+3*took, "-test.failfast")
		output, err := command.CombinedOutput()
		switch {
		case err == nil:
		case command.ProcessState.ExitCode() < 0, strings.Contains(string(output), "panic: test timed out"):
			return endless, nil
		default:
			return killed, nil
		}
	}
	return survived, nil
}

// compile builds the tests of the package and returns what the go command prints.
func (p *subject) compile(binary string, flags ...string) ([]byte, error) {
	arguments := append([]string{"test", "-c", "-vet=off", fmt.Sprint("-race=", p.race), "-o", binary}, flags...)
	return exec.Command("go", append(arguments, p.folder)...).CombinedOutput()
}

// command returns the command that runs the named tests. It may use the processor for
// limit; time on the clock matters less, for the machine may be busy. A change can also
// make a test allocate without end; the race detector reserves too much for a limit.
func (p *subject) command(binary string, names []string, limit time.Duration, flags ...string) *exec.Cmd {
	memory := "8000000" // KiB
	if p.race {
		memory = "unlimited"
	}
	limits := fmt.Sprintf(`ulimit -t %d; ulimit -v %s; exec "$0" "$@"`, int(limit.Seconds())+1, memory)
	arguments := append([]string{"-c", limits, binary,
		"-test.run", "^(" + strings.Join(names, "|") + ")$", "-test.timeout", (30*time.Second + 5*limit).String()}, flags...)
	command := exec.Command("sh", arguments...)
	command.Dir = p.folder
	return command
}
