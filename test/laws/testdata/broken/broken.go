// Package broken breaks every law on purpose.
package broken

import (
	"expvar"
	"log/slog"
	"os"
	"regexp"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Key stands for a type of another package.
type Key = domain.EnvironmentKey

var (
	allowed = regexp.MustCompile("x")
	table   = map[string]int{"a": 1}
	list    = [3]int{}
	locked  struct{ mu sync.Mutex }
	counted int
	given   int
	kept    point
)

type point struct{ x int }

func (p *point) move() { p.x++ }

func init() { slog.Info("started", "args", os.Args) }

func change() *int {
	locked.mu.Lock()
	table["b"] = len(allowed.String())
	delete(table, "a")
	list[1]++
	counted = 3
	kept.move()
	kept.x = 2
	local := counted
	local++
	expvar.NewInt("x").Add(int64(local))
	return &given
}
