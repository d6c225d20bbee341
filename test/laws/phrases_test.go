package laws_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/edge-proxy/edge-proxy/test/laws"
)

func TestPhrases(t *testing.T) {
	wrong, err := laws.CheckPhrases(os.DirFS("../.."), laws.Phrases())
	if err != nil {
		t.Fatal(err)
	}
	report(t, wrong)
}

func TestPhrasesNotice(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // "" is plain English
	}{
		{"a.go", "package a\n\n// A key that is no secret.\n", `a.go:3: "is no secret" is stilted`},
		{"a.go", "package a\n\n/*\nwritten anew\n*/\n", `a.go:4: "anew" is stilted`},
		{"a.go", "package a\n\nvar err = errors.New(\"the response is no list\")\n", `a.go:3: "is no list" is stilted`},
		{"a.go", "package a // There is no key, and it is no longer asked for; if there is none, it waits.\n", ""},
		{"a.go", "package a\n\nvar anew, lest = told, mend\n", ""},
		{"a.md", "Listeners are told\n", `a.md:1: "are told" is stilted`},
		{"docs/a.md", "It goes on serving.\n", `docs/a.md:1: "goes on serving" is stilted`},
		{"a.md", "Not \"anew\" and not `is none`:\n\n```sh\nto mend\n```\n", ""},
		{"CHANGELOG.md", "written anew\n", ""},
		{"a.yaml", "# written anew\n", ""},
	}
	for _, tt := range tests {
		wrong, err := laws.CheckPhrases(fstest.MapFS{tt.name: file(tt.text)}, laws.Phrases())
		switch {
		case err != nil:
			t.Fatal(err)
		case tt.want == "" && len(wrong) > 0:
			t.Errorf("%s: %q", tt.text, wrong)
		case tt.want != "" && (len(wrong) != 1 || !strings.HasPrefix(wrong[0], tt.want)):
			t.Errorf("%s: %q, want %q", tt.text, wrong, tt.want)
		}
	}
}
