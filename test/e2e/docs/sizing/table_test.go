package main

import (
	"os"
	"strings"
	"testing"
)

const sweep = `requests a second on one core, median of 3 rounds of 2s; sweet spot: the fewest connections with 95 % of the peak

endpoint               1       2 |    peak sweet spot
flags               9000   40780 |   40780         25
flags-gzip          9000   28949 |   28949         50
feature             9000   17780 |   17780         10
document             900    4580 |    4580          5
document-gzip       9000   12780 |   12780          5
identities          9000   11879 |   11879         10
identities-1000     9000   11000 |   11000         10
identity-get        9000 1023280 | 1023280        100
`

func TestTable(t *testing.T) {
	table, err := tableOf(sweep)
	if err != nil {
		t.Fatal(err)
	}
	want := "| Endpoint | Peak RPS | Sweet spot (concurrency) |\n|---|--:|--:|\n" +
		"| `POST /api/v1/identities/` | 11,800 | 10 |\n| `GET /api/v1/identities/` | 1,023,200 | 100 |\n| `GET /api/v1/flags/` | 40,700 | 25 |\n"
	if !strings.HasPrefix(table, want) || strings.Count(table, "\n") != 9 {
		t.Errorf("the table is\n%s", table)
	}
	if _, err := tableOf(strings.ReplaceAll(sweep, "feature ", "features ")); err == nil {
		t.Error("a sweep without an endpoint makes a table")
	}
}

// The page has the place for the table.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	replaced, err := replaceTable(string(page), "NEW\n")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(replaced, "-->\n\nNEW\n\n<!--") || strings.Contains(replaced, "Peak RPS") {
		t.Error("the table was not replaced")
	}
	if _, err := replaceTable("no table", "NEW\n"); err == nil {
		t.Error("a page without a table was changed")
	}
}
