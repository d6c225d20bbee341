package fakeflagsmith

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRequestBody bounds what is read and remembered of a posted body.
const maxRequestBody = 16 << 20

// answer is a whole HTTP answer, still to be sent, or to be spoiled first.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func jsonAnswer(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// detail is an error as Flagsmith words it.
func detail(status int, text string) answer {
	return jsonAnswer(status, map[string]string{"detail": text})
}

// endpoint is one address of the API as serve runs it.
type endpoint struct {
	target   Target
	fallback Target // whose script counts when target has none; "" for none
	delay    time.Duration
	answer   func(body []byte) answer
}

// serve records a request, fails it if a script says so, and else answers it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		return // the client is gone or sends nonsense; nothing to record
	}
	s.mu.Lock()
	journal := s.journal
	record := journal.begin(Request{
		Target: e.target, Time: time.Now(), Method: r.Method, URI: r.URL.RequestURI(), Host: r.Host,
		Header: r.Header.Clone(), Body: string(body),
	})
	var failure Failure
	fails := false
	_, redirected := hopOf(r)
	if !redirected { // a redirect chain in progress is part of the step that began it
		failure, fails = s.nextFailure(pageOf(r), e.target, e.fallback)
	}
	done := s.done
	s.mu.Unlock()

	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		journal.end(record)
	}()
	out := &sender{w: w, r: r, done: done, answered: func(status int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		journal.answered(record, status)
	}}
	if !out.wait(e.delay) {
		return
	}
	if hop, ok := hopOf(r); ok && hop.left != 0 {
		out.send(redirectAnswer(r, http.StatusFound, hop))
		return
	}
	if !fails {
		out.send(e.answer(body))
		return
	}
	out.fail(failure, func() answer { return e.answer(body) })
}

// sender writes one answer.
type sender struct {
	w        http.ResponseWriter
	r        *http.Request
	done     <-chan struct{}  // closed when nobody is to be kept waiting any more
	answered func(status int) // called before the status line is sent
}

// wait pauses, and says whether anyone is still there to answer.
func (s *sender) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.r.Context().Done():
		return false
	case <-s.done:
		return false
	}
}

// send writes an answer, compressed when the client takes it.
func (s *sender) send(a answer) {
	if len(a.body) > 0 && acceptsGzip(s.r) {
		a.body = compress(a.body)
		a.header = maps.Clone(a.header)
		a.header.Set("Content-Encoding", "gzip")
	}
	s.begin(a)
	_, _ = s.w.Write(a.body) // a client that left is not a failure of the server
}

// begin writes the head of an answer, whose whole length it promises.
func (s *sender) begin(a answer) {
	maps.Copy(s.w.Header(), a.header)
	s.w.Header().Set("Vary", "Accept-Encoding")
	if a.status != http.StatusNotModified && a.status != http.StatusNoContent {
		s.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	s.answered(a.status)
	s.w.WriteHeader(a.status)
}

// fail answers as a step of a script says. right makes the proper answer, with
// all its effects, and is called at most once.
func (s *sender) fail(f Failure, right func() answer) {
	if !s.wait(f.Delay) {
		return
	}
	switch f.Kind {
	case FailDelay, FailDrip, FailTruncatedBody, FailTruncatedGzip, FailLink:
		s.spoil(f, right())
		return
	}
	if f.TakesEffect {
		right()
	}
	switch f.Kind {
	case FailStatus:
		a := detail(f.Status, "The script says so.")
		if f.RetryAfter != "" {
			a.header.Set("Retry-After", f.RetryAfter)
		}
		if f.Status == http.StatusNoContent || f.Status == http.StatusNotModified {
			a.body = nil
		}
		s.send(a)
	case FailBody:
		contentType := f.ContentType
		if contentType == "" {
			contentType = "application/json"
		}
		s.send(answer{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}, body: []byte(f.Body)})
	case FailRedirect:
		status := f.Status
		if status == 0 {
			status = http.StatusFound
		}
		if f.Location != "" {
			s.send(answer{status: status, header: http.Header{"Location": {f.Location}}})
			return
		}
		hops := f.Hops
		if hops == 0 {
			hops = 1
		}
		s.send(redirectAnswer(s.r, status, hop{left: hops}))
	case FailNotModified:
		s.send(answer{status: http.StatusNotModified, header: http.Header{}})
	case FailHang:
		select {
		case <-s.r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case FailReset:
		s.reset()
	}
}

// spoil sends the proper answer in a way that it does not deserve.
func (s *sender) spoil(f Failure, a answer) {
	switch f.Kind {
	case FailDelay:
		s.send(a)
	case FailLink:
		a.header = maps.Clone(a.header)
		a.header.Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", f.Location))
		s.send(a)
	case FailDrip:
		s.drip(f, a)
	case FailTruncatedBody:
		s.begin(a)
		_, _ = s.w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(s.w).Flush()
		panic(http.ErrAbortHandler) // cuts the connection
	case FailTruncatedGzip:
		whole := compress(a.body)
		a.body = whole[:len(whole)/2]
		a.header = maps.Clone(a.header)
		a.header.Set("Content-Encoding", "gzip")
		s.begin(a)
		_, _ = s.w.Write(a.body)
	}
}

func (s *sender) drip(f Failure, a answer) {
	chunk, interval := max(f.Chunk, 1), f.Interval
	if interval == 0 {
		interval = 100 * time.Millisecond
	}
	s.begin(a)
	for rest := a.body; len(rest) > 0; {
		piece := rest[:min(chunk, len(rest))]
		rest = rest[len(piece):]
		if _, err := s.w.Write(piece); err != nil {
			return
		}
		_ = http.NewResponseController(s.w).Flush()
		if !s.wait(interval) {
			panic(http.ErrAbortHandler)
		}
	}
}

// reset ends the connection with RST where it can, else with a plain close.
func (s *sender) reset() {
	connection, _, err := http.NewResponseController(s.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// hop is how far a redirect chain has come; it travels in the query.
type hop struct{ left int } // redirects still to come; negative: without end

func hopOf(r *http.Request) (hop, bool) {
	left, err := strconv.Atoi(r.URL.Query().Get("hops_left"))
	return hop{left: left}, err == nil
}

// redirectAnswer leads to the same address with one hop less to go.
func redirectAnswer(r *http.Request, status int, h hop) answer {
	query := r.URL.Query()
	if h.left > 0 {
		h.left--
	}
	query.Set("hops_left", strconv.Itoa(h.left))
	to := url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
	return answer{status: status, header: http.Header{"Location": {to.String()}}}
}

// writers are of type [gzip.Writer], of the level that has the smallest tables to make and
// to clear. They are kept for the next answer.
var writers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is valid
	}
	return w
}}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&out)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// acceptsGzip says whether Accept-Encoding names gzip with a weight above 0.
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			coding, parameters, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			weight, found := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			if !found {
				return true
			}
			q, err := strconv.ParseFloat(weight, 64)
			return err == nil && q > 0
		}
	}
	return false
}
