package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// counter reads what Redis has counted since it started.
type counter struct{ client *goredis.Client }

func newCounter(address string) *counter {
	return &counter{goredis.NewClient(&goredis.Options{Addr: address})}
}

func (c *counter) close() { _ = c.client.Close() }

// usage is what Redis has done.
type usage struct {
	commands float64            // those of scripts too
	calls    map[string]float64 // by command
	in, out  float64            // bytes
	seconds  float64            // of CPU
}

// named is a command and how often it was called.
type named struct {
	name  string
	calls float64
}

func (c *counter) read(ctx context.Context) (usage, error) {
	text, err := c.client.Info(ctx, "commandstats", "stats", "cpu").Result()
	if err != nil {
		return usage{}, err
	}
	u := usage{calls: map[string]float64{}}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if !found {
			continue
		}
		if command, ok := strings.CutPrefix(name, "cmdstat_"); ok {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			n, err := strconv.ParseFloat(calls, 64)
			if err != nil {
				return usage{}, fmt.Errorf("%s: %w", line, err)
			}
			u.calls[command] = n
			u.commands += n
			continue
		}
		field := map[string]*float64{
			"total_net_input_bytes": &u.in, "total_net_output_bytes": &u.out,
			"used_cpu_sys": &u.seconds, "used_cpu_user": &u.seconds,
		}[name]
		if field == nil {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return usage{}, fmt.Errorf("%s: %w", line, err)
		}
		*field += n
	}
	return u, nil
}

func (u usage) minus(v usage) usage {
	calls := make(map[string]float64, len(u.calls))
	for name, n := range u.calls {
		calls[name] = n - v.calls[name]
	}
	return usage{u.commands - v.commands, calls, u.in - v.in, u.out - v.out, u.seconds - v.seconds}
}

// byCommand returns the commands that were called, each divided by turns, the most frequent
// first.
func (u usage) byCommand(turns float64) []named {
	var list []named
	for name, n := range u.calls {
		if n > 0 {
			list = append(list, named{name, n / turns})
		}
	}
	slices.SortFunc(list, func(a, b named) int { return cmp.Or(cmp.Compare(b.calls, a.calls), cmp.Compare(a.name, b.name)) })
	return list
}
