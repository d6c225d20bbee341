//go:build sdk

package sdk_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// scenario is what an SDK is put through for one of its capabilities.
type scenario struct {
	proves capability
	run    func(*testing.T, *world, *program)
}

// scenarios are all there are, the same for every SDK, in the order in which they
// run: the last ones change the environment.
func scenarios() []scenario {
	return []scenario{
		{remote, testRemote},
		{serverSide, testServerSideKey},
		{transient, testTransient},
		{anonymous, testAnonymous},
		{crossOrigin, testCrossOrigin},
		{refusals, testRefusals},
		{defaults, testDefaults},
		{local, testLocal},
		{paging, testPaging},
		{analytics, testAnalytics},
		{localAnalytics, testLocalAnalytics},
		{unavailability, testUnavailability},
		{polling, testPolling},
		{realTime, testRealTime},
		{experiments, testExperiments},
	}
}

func TestSDKs(t *testing.T) {
	for _, s := range sdks() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := startProgram(t, s)
			var about struct{ SDK, Version, Runtime string }
			p.Call(t, request{Call: "about"}, &about)
			t.Logf("%s %s on %s", about.SDK, about.Version, about.Runtime)
			if header := documentation(t)[0]; !strings.Contains(header, " "+about.Version+" |") {
				t.Errorf("%s does not name version %s: %s", compatibility, about.Version, header)
			}
			for _, one := range scenarios() {
				if s.has(one.proves) {
					t.Run(string(one.proves), func(t *testing.T) { one.run(t, w, p) })
				}
			}
		})
	}
}

// What an SDK is said to be capable of is put to the test, and no scenario is
// left that nothing runs.
func TestEveryCapabilityHasItsScenario(t *testing.T) {
	declared := map[capability]bool{}
	for _, s := range sdks() {
		for i, c := range s.can {
			declared[c] = true
			if !slices.ContainsFunc(scenarios(), func(one scenario) bool { return one.proves == c }) {
				t.Errorf("%s: nothing tests %q", s.name, c)
			}
			if slices.Contains(s.can[:i], c) {
				t.Errorf("%s: %q is declared twice", s.name, c)
			}
		}
	}
	for i, one := range scenarios() {
		if !declared[one.proves] {
			t.Errorf("no SDK runs the scenario of %q", one.proves)
		}
		if slices.ContainsFunc(scenarios()[:i], func(before scenario) bool { return before.proves == one.proves }) {
			t.Errorf("%q has two scenarios", one.proves)
		}
	}
}

// Lock files name versions and checksums. Where packages come from is up to the
// machine.
func TestLockFilesNameNoRegistry(t *testing.T) {
	for _, path := range []string{"javascript/package-lock.json", "node/package-lock.json", "python/requirements.txt"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{`"resolved"`, "--index-url", "--find-links", "--extra-index-url"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %s", path, word)
			}
		}
		if !strings.Contains(string(text), "sha512-") && !strings.Contains(string(text), "--hash=sha256:") {
			t.Errorf("%s has no checksums", path)
		}
	}
}

const compatibility = "../../docs/compatibility.md"

// documentation returns the rows of the table of SDKs in the documentation, its
// header first.
func documentation(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(compatibility)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## SDKs\n")
	var rows []string
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, "|"):
			rows = append(rows, strings.TrimSpace(line))
		case len(rows) > 2:
			return rows
		}
	}
	t.Fatalf("%s has no table of SDKs", compatibility)
	return nil
}

// What the documentation says of an SDK is what is tested, and all of it.
func TestDocumentation(t *testing.T) {
	rows := documentation(t)
	if got, want := len(rows), len(scenarios())+2; got != want {
		t.Errorf("the table of SDKs has %d rows, want %d", got, want)
	}
	for _, one := range scenarios() {
		row := "| " + string(one.proves) + " |"
		for _, s := range sdks() {
			if s.has(one.proves) {
				row += " yes |"
			} else {
				row += " – |"
			}
		}
		if !slices.ContainsFunc(rows, func(r string) bool { return strings.HasPrefix(r, row) }) {
			t.Errorf("%s lacks a row that begins with %q", compatibility, row)
		}
	}
}
