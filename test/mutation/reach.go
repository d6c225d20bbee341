package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// test is a test of a package, for how long it uses the processor and what it reaches.
type test struct {
	name   string
	took   time.Duration
	blocks []block
}

// block is a part of a file that Go's coverage counts, from one position to
// another, and whether a test reached it.
type block struct {
	file                                 string
	fromLine, fromColumn, line2, column2 int
	reached                              bool
}

func (b block) contains(c change) bool {
	return b.file == filepath.Base(c.file) &&
		(b.fromLine < c.line || b.fromLine == c.line && b.fromColumn <= c.column) &&
		(c.line < b.line2 || c.line == b.line2 && c.column < b.column2)
}

// measure runs each test of the package by itself, to see what it reaches. All
// tests have to pass.
func (p *subject) measure() error {
	binary, profile := filepath.Join(p.scratch, "covered.test"), filepath.Join(p.scratch, "profile")
	if output, err := p.compile(binary, "-cover"); err != nil {
		return fmt.Errorf("go test -c: %w\n%s", err, output)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil // no test files
	}
	names, err := p.command(binary, nil, time.Minute, "-test.list", "^(Test|Example|Fuzz)").Output()
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(names)) {
		command := p.command(binary, []string{name}, 5*time.Minute, "-test.coverprofile", profile)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s fails without a change: %w\n%s", name, err, output)
		}
		t := test{name: name, took: command.ProcessState.UserTime() + command.ProcessState.SystemTime()}
		if t.blocks, err = readProfile(profile); err != nil {
			return err
		}
		p.tests = append(p.tests, t)
	}
	return nil
}

func readProfile(file string) ([]block, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var blocks []block
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "mode:") {
			continue
		}
		name, rest, _ := strings.Cut(line, ":")
		b := block{file: path.Base(name)}
		var statements, count int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.fromLine, &b.fromColumn, &b.line2, &b.column2, &statements, &count); err != nil {
			return nil, fmt.Errorf("profile: %w: %s", err, line)
		}
		b.reached = count > 0
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// reaching returns the tests that reach a change, those of less than a quarter of a
// second apart from the others, and the time that all use. What coverage does not
// count, such as a variable of the package, is reached by every test.
func (p *subject) reaching(c change) (quick, slow []string, took time.Duration) {
	for _, t := range p.tests {
		counted, reached := false, false
		for _, b := range t.blocks {
			if b.contains(c) {
				counted, reached = true, reached || b.reached
			}
		}
		switch {
		case counted && !reached:
			continue
		case t.took < time.Second/4:
			quick = append(quick, t.name)
		default:
			slow = append(slow, t.name)
		}
		took += t.took
	}
	return quick, slow, took
}
