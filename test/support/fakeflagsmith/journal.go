package fakeflagsmith

import (
	"net/http"
	"slices"
	"time"
)

// JournalSize is how many requests a server remembers; older ones are
// forgotten, but stay counted.
const JournalSize = 50_000

// Request is one request as the server received it.
type Request struct {
	Target Target      `json:"target"`
	Time   time.Time   `json:"time"`
	Method string      `json:"method"`
	URI    string      `json:"uri"`  // path and query as sent
	Host   string      `json:"host"` // the Host header
	Header http.Header `json:"header"`
	Body   string      `json:"body,omitempty"`
	// Status is what was answered: 0 while the request is being answered and
	// when it never got a status line (hang, reset).
	Status int `json:"status"`
}

// Counters sum up the requests of a target.
type Counters struct {
	Requests     int         `json:"requests"`
	Statuses     map[int]int `json:"statuses"`       // answers by status; 0: answered without a status line
	InFlight     int         `json:"in_flight"`      // being answered now
	InFlightPeak int         `json:"in_flight_peak"` // the most that were answered at one time
}

// journal is the server's memory of requests. The server's lock guards it; a
// reset begins a new one, and requests in flight end in the one they began in.
type journal struct {
	requests []*Request
	counters map[Target]*Counters
}

func newJournal() *journal {
	return &journal{counters: map[Target]*Counters{}}
}

// begin records a request and returns the record, whose Status end fills in.
func (j *journal) begin(request Request) *Request {
	if len(j.requests) == JournalSize {
		j.requests = slices.Delete(j.requests, 0, JournalSize/10)
	}
	record := &request
	j.requests = append(j.requests, record)
	c := j.counters[request.Target]
	if c == nil {
		c = &Counters{Statuses: map[int]int{}}
		j.counters[request.Target] = c
	}
	c.Requests++
	c.InFlight++
	c.InFlightPeak = max(c.InFlightPeak, c.InFlight)
	return record
}

// answered notes the status of a record that this journal began. It comes
// before the status line is sent, so that a client that has its answer finds it
// recorded.
func (j *journal) answered(record *Request, status int) {
	record.Status = status
	j.counters[record.Target].Statuses[status]++
}

// end notes that a record is dealt with, answered or not.
func (j *journal) end(record *Request) {
	c := j.counters[record.Target]
	c.InFlight--
	if record.Status == 0 {
		c.Statuses[0]++
	}
}

func (j *journal) of(target Target) []Request {
	found := []Request{}
	for _, record := range j.requests {
		if target == "" || record.Target == target {
			found = append(found, *record)
		}
	}
	return found
}
