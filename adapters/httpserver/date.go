package httpserver

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date formats the Date header once a second. The zero value is ready to use. It is
// safe for concurrent use.
type date struct{ current atomic.Pointer[datedSecond] }

type datedSecond struct {
	unix  int64
	value string
}

// at returns the value of the header at now.
func (d *date) at(now time.Time) string {
	current := d.current.Load()
	if unix := now.Unix(); current == nil || current.unix != unix {
		current = &datedSecond{unix, now.UTC().Format(http.TimeFormat)}
		d.current.Store(current)
	}
	return current.value
}
