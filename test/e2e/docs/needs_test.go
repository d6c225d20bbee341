package docs_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// needs are what a block may need and tests do not have, with how it shows in the
// block.
var needs = map[string]*regexp.Regexp{
	"a Docker engine":        regexp.MustCompile(`\bdocker\b`),
	"a Kubernetes cluster":   regexp.MustCompile(`\b(kubectl|helm)\b`),
	"an AWS account":         regexp.MustCompile(`(?m)(^|[\s(|])aws\b`),
	"a Google Cloud project": regexp.MustCompile(`\bgcloud\b`),
	"a Vault server":         regexp.MustCompile(`(?m)(^|[\s(|])vault\b`),
	"a Redis server":         regexp.MustCompile(`\bredis-cli\b|\bredis(s|\+\w+)?://`),
	"systemd":                regexp.MustCompile(`\bsystemctl\b`),
	"GoReleaser":             regexp.MustCompile(`\bgoreleaser\b`),
	"OpenSSL":                regexp.MustCompile(`\bopenssl req\b|--cert `),
	"GnuPG":                  regexp.MustCompile(`\bgpg\b`),
	"a checkout":             regexp.MustCompile(`(?m)(^|[\s(|])(make|git|go) `),
	"your Flagsmith":         regexp.MustCompile(`flagsmith\.(example\.)?com|your-proxy`),
	"packages of others":     regexp.MustCompile(`\b(pip|npm|npx|python3?)\b|(?m)(^|[$|(] *)node |^import .* from '`),
	"a download":             regexp.MustCompile(`\bSHA256SUMS\b`),
	"a running process":      regexp.MustCompile(`(?m)(^|[\s(|])(kill|pkill) `),
	"an emergency":           regexp.MustCompile(`\bedge-proxy (accept|pin|rollback|override)\b`),
	// Commands that run until they are stopped.
	"a second terminal": regexp.MustCompile(`(?m)^([A-Z_]+=\S+ )*(\./|bin/)?edge-proxy( serve)?$|\bcurl -\w*N|/stream\b`),
}

var comment = regexp.MustCompile(`(?m)(^|\s)#.*$`)

// rule says what is to be done with a block: "run", "load", "parse", "nothing" or,
// for the reason that its marker gives, "list".
func rule(b block) (string, error) {
	reason, marked := strings.CutPrefix(b.marker, "not run: needs ")
	var needed []string
	if !slices.Contains([]string{"json", "yaml", "go", "text"}, b.language) {
		for _, need := range slices.Sorted(maps.Keys(needs)) {
			if needs[need].MatchString(comment.ReplaceAllString(b.text, "")) {
				needed = append(needed, need)
			}
		}
	}
	switch {
	case b.marker != "" && !marked && b.marker != "not a configuration":
		return "", fmt.Errorf("the marker %q is of no known form", b.marker)
	case marked:
		for given := range strings.SplitSeq(reason, " and ") {
			if needs[given] == nil {
				return "", fmt.Errorf("%q is not a known need; known are: %s", given, strings.Join(slices.Sorted(maps.Keys(needs)), ", "))
			}
			if !slices.Contains(needed, given) {
				return "", fmt.Errorf("the block does not need %s: run it", given)
			}
		}
		return "list", nil
	case len(needed) > 0:
		return "", fmt.Errorf("the block needs a marker: <!-- not run: needs %s -->", strings.Join(needed, " and "))
	case b.marker == "not a configuration":
		if b.language != "json" {
			return "", fmt.Errorf("only json may be %q", b.marker)
		}
		return "parse", nil
	}
	switch b.language {
	case "sh", "console":
		return "run", nil
	case "json":
		return "load", nil
	case "yaml", "go":
		return "parse", nil
	case "text":
		if strings.HasPrefix(b.text, "$ ") {
			return "", fmt.Errorf("a block with commands is sh or console")
		}
		return "nothing", nil
	}
	return "", fmt.Errorf("the language %q has no rule", b.language)
}

func TestRule(t *testing.T) {
	for _, tt := range []struct{ language, text, marker, want, problem string }{
		{"sh", "edge-proxy version", "", "run", ""},
		{"console", "$ edge-proxy health", "", "run", ""},
		{"json", "{}", "", "load", ""},
		{"json", "{}", "not a configuration", "parse", ""},
		{"yaml", "a: b", "", "parse", ""},
		{"text", "a drawing", "", "nothing", ""},
		{"sh", "kubectl get pods", "not run: needs a Kubernetes cluster", "list", ""},
		{"sh", "aws x | docker login", "not run: needs a Docker engine and an AWS account", "list", ""},
		{"sh", "kubectl get pods", "", "", "needs a marker"},
		{"sh", "edge-proxy", "", "", "needs a second terminal"},
		{"sh", "edge-proxy version # as docker says", "", "run", ""},
		{"sh", "edge-proxy version", "not run: needs a Docker engine", "", "does not need a Docker engine"},
		{"sh", "docker ps", "not run: needs a good mood", "", "not a known need"},
		{"sh", "docker ps", "not today", "", "no known form"},
		{"yaml", "a: b", "not run: needs a Docker engine", "", "does not need"},
		{"sh", "edge-proxy version", "not a configuration", "", "only json"},
		{"text", "$ ls", "", "", "sh or console"},
		{"", "x", "", "", "no rule"},
		{"js", "import x from 'y'", "not run: needs packages of others", "list", ""},
		{"perl", "x", "", "", "no rule"},
	} {
		got, err := rule(block{language: tt.language, text: tt.text, marker: tt.marker})
		if got != tt.want || tt.problem == "" && err != nil || tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) {
			t.Errorf("%s %q with %q: %q, %v", tt.language, tt.text, tt.marker, got, err)
		}
	}
}
