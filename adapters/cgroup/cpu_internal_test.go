package cgroup

import (
	"testing"
	"testing/fstest"
)

func TestProcessors(t *testing.T) {
	for name, tt := range map[string]struct {
		own   string
		files map[string]string // cpu.max by cgroup
		want  float64           // 0: no limit
	}{
		"in a container":      {"0::/\n", map[string]string{"": "150000 100000\n"}, 1.5},
		"no limit":            {"0::/\n", map[string]string{"": "max 100000\n"}, 0},
		"of a service":        {"0::/system.slice/edge-proxy.service\n", map[string]string{"system.slice/edge-proxy.service": "50000 100000"}, 0.5},
		"of one above":        {"0::/a/b\n", map[string]string{"a/b": "400000 100000", "a": "200000 100000"}, 2},
		"the lowest":          {"0::/a/b\n", map[string]string{"a/b": "100000 100000", "a": "200000 100000"}, 1},
		"outside of the tree": {"0::/../b\n", map[string]string{"": "100000 100000"}, 1},
		"version 1":           {"3:cpu,cpuacct:/docker/abc\n", map[string]string{"": "100000 100000"}, 0},
		"both versions":       {"3:cpu:/x\n0::/a\n", map[string]string{"a": "300000 100000"}, 3},
		"damaged":             {"0::/\n", map[string]string{"": "100000"}, 0},
		"absurd":              {"0::/\n", map[string]string{"": "100000 0"}, 0},
		"no cgroup":           {"", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			if tt.own != "" {
				root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(tt.own)}
			}
			for at, text := range tt.files {
				if at != "" {
					at += "/"
				}
				root["sys/fs/cgroup/"+at+"cpu.max"] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, ok := processors(root); got != tt.want || ok != (tt.want > 0) {
				t.Errorf("got %g, %t; want %g", got, ok, tt.want)
			}
		})
	}
	if _, ok := processors(fstest.MapFS{}); ok {
		t.Error("without files there is a limit")
	}
}
