package storetest_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/storetest"
)

// unchecked are the sentences of the contract that no case checks, and why.
func unchecked() map[string]string {
	return map[string]string{
		"Reader reads records":                                   "a heading",
		"Writer changes records":                                 "a heading",
		"Watcher notifies of changes":                            "a heading",
		"Leaser lends names, so that of several nodes one polls": "a heading",
		"Store is a document store":                              "a heading",
		"Lease is a lease as the store has it":                   "a heading",
		"Claim asks for a lease":                                 "a heading",

		"The errors of a Store, tested with errors.Is": "every case tests them so",
		"It is opaque and compared with == only":       "a duty of callers, as which the cases behave",

		"It is keyed by the client-side key; server-side keys never reach a store":                                                        "a duty of callers",
		"A shared one should not: nobody else removes what its users have stopped to need":                                                "advice: waiting for it would take long; the Redis store has a test of its own",
		"Leases only save fetches: safety is Put's ifVersion":                                                                             "advice to callers",
		"After an error, each lease may have been taken or not":                                                                           "a duty of callers, who must not rely on either",
		"A thousand of them should cost a shared backend little more than one, because every node asks for those of all its environments": "advice: how much is little is the backend's matter",
	}
}

// TestLawsAreThoseOfTheContract checks that what cases quote is what package ports
// says, word for word.
func TestLawsAreThoseOfTheContract(t *testing.T) {
	contract := source(t, "store.go") + source(t, "open.go") + source(t, "exclusive.go")
	names := make(map[string]bool)
	for _, c := range storetest.Cases() {
		if names[c.Name] {
			t.Errorf("two cases are called %s", c.Name)
		}
		names[c.Name] = true
		if c.Law == "" {
			t.Errorf("%s quotes nothing", c.Name)
		}
		for _, sentence := range sentences(c.Law) {
			if !strings.Contains(contract, sentence) {
				t.Errorf("%s quotes what package ports does not say: %s", c.Name, sentence)
			}
		}
	}
}

// TestEverySentenceHasACase checks that a change of the contract of stores
// comes with a case for it.
func TestEverySentenceHasACase(t *testing.T) {
	var laws []string
	for _, c := range storetest.Cases() {
		laws = append(laws, plain(c.Law))
	}
	all := strings.Join(laws, " ")
	exempt := unchecked()
	for _, sentence := range contractSentences(t) {
		reason, isExempt := exempt[sentence]
		delete(exempt, sentence)
		switch checked := strings.Contains(all, sentence); {
		case checked && isExempt:
			t.Errorf("there is a case for this, but also a reason why not (%s): %s", reason, sentence)
		case !checked && !isExempt:
			t.Errorf("no case checks: %q", sentence)
		}
	}
	for sentence := range exempt {
		t.Errorf("package ports does not say (any more): %s", sentence)
	}
}

// contractSentences returns those of the comments on what ports/store.go
// declares.
func contractSentences(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "ports", "store.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, comment := range file.Comments {
		if comment != file.Doc {
			all = append(all, sentences(comment.Text())...)
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d sentences were found in the contract", len(all))
	}
	return all
}

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "ports", name))
	if err != nil {
		t.Fatal(err)
	}
	return plain(string(text)) + " "
}

// plain removes comment marks and the breaks of lines.
func plain(s string) string { return oneLine(strings.ReplaceAll(s, "//", " ")) }

// sentences splits at full stops.
func sentences(s string) []string {
	var all []string
	for sentence := range strings.SplitSeq(plain(s)+" ", ". ") {
		if sentence = strings.TrimSpace(sentence); sentence != "" {
			all = append(all, sentence)
		}
	}
	return all
}
