//go:build linux

package standard

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// threadNice returns the nice value of the thread it runs on.
func threadNice(t *testing.T) int {
	t.Helper()
	stat, err := os.ReadFile("/proc/thread-self/stat")
	if err != nil {
		t.Fatal(err)
	}
	// After the name in parentheses, which may have blanks, nice is the 17th.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	nice, err := strconv.Atoi(fields[16])
	if err != nil {
		t.Fatal(err)
	}
	return nice
}

func TestBackgroundGivesWay(t *testing.T) {
	usual := threadNice(t)
	want := min(usual+backgroundNice, 19)
	var found, nested int
	inBackground(func() {
		found = threadNice(t)
		inBackground(func() { nested = threadNice(t) })
	})
	if found != want {
		t.Errorf("work runs at nice %d, want %d", found, want)
	}
	if nested < found {
		t.Errorf("work within it runs at nice %d, want at least %d", nested, found)
	}
	for range 100 { // on whichever thread
		ended := make(chan int)
		go func() { ended <- threadNice(t) }()
		if after := <-ended; after != usual {
			t.Fatalf("what comes after runs at nice %d, want %d", after, usual)
		}
	}
}
