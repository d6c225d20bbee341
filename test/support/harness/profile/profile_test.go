package profile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/data"
	"github.com/edge-proxy/edge-proxy/test/e2e/parity/jsondiff"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

func TestDocumentIsTheReferenceProfile(t *testing.T) {
	for name, size := range map[string]profile.Size{
		"profile_default.json.gz": profile.Default(),
		"profile_small.json.gz":   {Features: 7, Segments: 3, Conditions: 6, IdentityOverrides: 9},
	} {
		t.Run(name, func(t *testing.T) {
			for _, difference := range jsondiff.Diff(golden(t, name), profile.Document(size)) {
				t.Error(difference)
			}
		})
	}
}

func TestSameSizeSameBytes(t *testing.T) {
	if !bytes.Equal(profile.Document(profile.Default()), profile.Document(profile.Default())) {
		t.Error("two documents of one size differ")
	}
}

func TestEmptyProfileIsUsable(t *testing.T) {
	var d struct {
		States  []json.RawMessage `json:"feature_states"`
		Project struct {
			Segments []json.RawMessage `json:"segments"`
		} `json:"project"`
	}
	if err := json.Unmarshal(profile.Document(profile.Size{}), &d); err != nil {
		t.Fatal(err)
	}
	if d.States == nil || d.Project.Segments == nil {
		t.Error("empty lists are written as null")
	}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	file, err := data.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
