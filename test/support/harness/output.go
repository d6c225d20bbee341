package harness

import (
	"bytes"
	"strings"
	"sync"
)

// output collects what a process prints, and wakes those who wait for more.
type output struct {
	mu      sync.Mutex
	all     bytes.Buffer // both streams, as they came
	streams [2]bytes.Buffer
	changed chan struct{} // closed and replaced whenever something is added
}

func newOutput() *output {
	o := &output{changed: make(chan struct{})}
	session.mu.Lock()
	defer session.mu.Unlock()
	session.outputs = append(session.outputs, o)
	return o
}

const (
	stdout = 0
	stderr = 1
)

// stream is the writer of one stream of a process.
type stream struct {
	to    *output
	index int
}

func (s stream) Write(p []byte) (int, error) {
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	s.to.all.Write(p)
	s.to.streams[s.index].Write(p)
	close(s.to.changed)
	s.to.changed = make(chan struct{})
	return len(p), nil
}

// text returns everything so far, and a channel that is closed when there is more.
func (o *output) text() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String(), o.changed
}

func (o *output) stream(index int) (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.streams[index].String(), o.changed
}

// Outputs returns every byte that processes of this test process printed so
// far, one process after the other.
func Outputs() string {
	session.mu.Lock()
	outputs := session.outputs
	session.mu.Unlock()
	var everything strings.Builder
	for _, o := range outputs {
		text, _ := o.text()
		everything.WriteString(text)
	}
	return everything.String()
}
