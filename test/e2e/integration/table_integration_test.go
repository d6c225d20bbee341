//go:build integration

package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// tableFile is where the table is left, in the repository.
const tableFile = "bin/matrix.txt"

// table collects what the steps took. It is safe for concurrent use.
type table struct {
	began time.Time

	mu   sync.Mutex
	rows []*row // as they began; String sorts them
}

// row is one combination.
type row struct {
	table           *table
	store, upstream string
	took            map[string]time.Duration // by step, of those that ended well
	failed          string                   // the step that did not
}

func newTable() *table { return &table{began: time.Now()} }

func (b *table) row(store, upstream string) *row {
	r := &row{table: b, store: store, upstream: upstream, took: map[string]time.Duration{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, r)
	return r
}

// step runs one step and notes how it went. One that fails is the last.
func (r *row) step(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	began := time.Now()
	well := false
	defer func() {
		r.table.mu.Lock()
		defer r.table.mu.Unlock()
		if well {
			r.took[name] = time.Since(began)
			return
		}
		r.failed = name
		t.Logf("failed in the step %q, after %s", name, time.Since(began).Round(time.Millisecond))
	}()
	do(t)
	if t.Failed() {
		t.FailNow() // what follows would only say so again
	}
	well = true
}

// publish logs the table and leaves it in a file.
func (b *table) publish(t *testing.T) {
	t.Helper()
	text := b.String()
	t.Log("\n" + text)
	file := filepath.Join(repository, tableFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

func (b *table) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortStableFunc(b.rows, func(x, y *row) int { return position(x) - position(y) })
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "store\tupstream\t%s\ttotal\t\n", strings.Join(steps(), "\t"))
	for _, r := range b.rows {
		fmt.Fprintf(out, "%s\t%s\t", r.store, r.upstream)
		var total time.Duration
		for _, name := range steps() {
			took, ok := r.took[name]
			switch {
			case ok:
				total += took
				fmt.Fprintf(out, "%s\t", seconds(took))
			case name == r.failed:
				fmt.Fprint(out, "FAILED\t")
			default:
				fmt.Fprint(out, "-\t")
			}
		}
		fmt.Fprintf(out, "%s\t\n", seconds(total))
	}
	_ = out.Flush() // a strings.Builder takes everything
	fmt.Fprintf(&text, "%d of %d combinations, in %s\n", len(b.rows), len(stores())*len(upstreams()), seconds(time.Since(b.began)))
	return text.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// position is where a row stands in the table.
func position(r *row) int {
	store := slices.IndexFunc(stores(), func(s store) bool { return s.name == r.store })
	upstream := slices.IndexFunc(upstreams(), func(u upstream) bool { return u.name == r.upstream })
	return store*len(upstreams()) + upstream
}
