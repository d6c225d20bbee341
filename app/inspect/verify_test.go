package inspect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestVerify(t *testing.T) {
	parsed, _, err := domain.ParseEnvironment(shopText)
	if err != nil {
		t.Fatal(err)
	}
	record := ports.Record{Key: domain.EnvironmentKey(parsed.APIKey), Body: []byte(shopText), UpdatedAt: parsed.UpdatedAt}
	for name, test := range map[string]struct {
		change   func(*ports.Record)
		problems int
		want     string
	}{
		"good":             {func(*ports.Record) {}, 0, ""},
		"a bad rule":       {func(r *ports.Record) { r.Body = []byte(strings.Replace(shopText, `"operator":"`, `"operator":"X_`, 1)) }, 1, ""},
		"not a document":   {func(r *ports.Record) { r.Body = []byte("{}") }, 0, "not a usable environment document"},
		"of another one":   {func(r *ports.Record) { r.Key = "another" }, 0, "the document of the environment " + parsed.APIKey},
		"newer than known": {func(r *ports.Record) { r.UpdatedAt = r.UpdatedAt.Add(-time.Second) }, 0, "updated later than the store says"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record
			test.change(&r)
			problems, err := inspect.Verify(r)
			if len(problems) != test.problems || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v; want %d problems, %q", problems, err, test.problems, test.want)
			}
		})
	}
}
