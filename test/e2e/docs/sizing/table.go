package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// row is an endpoint by its name in the sweep and as the table has it, in the
// table's order.
type row struct{ name, endpoint string }

func rows() []row {
	return []row{
		{"identities", "`POST /api/v1/identities/`"},
		{"identity-get", "`GET /api/v1/identities/`"},
		{"flags", "`GET /api/v1/flags/`"},
		{"flags-gzip", "`GET /api/v1/flags/`, gzip"},
		{"feature", "`GET /api/v1/flags/?feature=`"},
		{"document", "`GET /api/v1/environment-document`"},
		{"document-gzip", "`GET /api/v1/environment-document`, gzip"},
	}
}

// swept finds a line of the sweep: an endpoint's name, its rates, its peak and its
// sweet spot.
var swept = regexp.MustCompile(`(?m)^([a-z0-9-]+) [0-9 ]*\| +([0-9]+) +([0-9]+)$`)

// tableOf makes the table of what a sweep printed.
func tableOf(printed string) (string, error) {
	found := map[string][]string{}
	for _, match := range swept.FindAllStringSubmatch(printed, -1) {
		found[match[1]] = match[2:]
	}
	table := "| Endpoint | Peak RPS | Sweet spot (concurrency) |\n|---|--:|--:|\n"
	for _, r := range rows() {
		figures := found[r.name]
		if figures == nil {
			return "", fmt.Errorf("the sweep has no figures of %s", r.name)
		}
		peak, err := strconv.Atoi(figures[0])
		if err != nil {
			return "", err
		}
		table += fmt.Sprintf("| %s | %s | %s |\n", r.endpoint, thousands(peak/100*100), figures[1])
	}
	return table, nil
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

const (
	begin = "<!-- sweep: this table is what `make sizing` writes -->\n\n"
	end   = "\n<!-- /sweep -->\n"
)

// replaceTable puts the table between the two comments of the page.
func replaceTable(page, table string) (string, error) {
	before, rest, begun := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return "", errors.New("the comments around the table are not there")
	}
	return before + begin + table + end + after, nil
}
