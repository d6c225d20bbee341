package httpapi

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
)

// bigBody is the size in bytes from which prepared bodies are gzipped at the cheapest
// level, so that tens of megabytes do not occupy a processor for seconds.
const bigBody = 1 << 20

// presentation is everything that answers about one document consist of. It is safe for
// concurrent use. It is immutable, except for what is made on the first call.
type presentation struct {
	updatedAt []string // header value; nil when the document has no time
	modified  modified
	seeds     tagSeeds

	// fragments returns the flags of all outcomes. It writes them on the first call: of
	// thousands of environments, many are never asked for an identity.
	fragments func() *fragments
	hidden    []bool // whether client-side keys may not see it, by OutcomeID

	flags    [2]*prepared // GET /flags/, by domain.Access
	features []prepared   // GET /flags/?feature=, by feature index
	document prepared
	// eventStreams is the member of answers with all flags by OFREP that names the
	// stream of events.
	eventStreams []byte
	// overrides returns where the document's identity overrides are. It looks for them
	// on the first call.
	overrides func() overrideList
}

// eagerOutcomes is the number of outcomes from which fragments are written before the
// document is served: writing more would take longer than a request should wait.
const eagerOutcomes = 4096

// fragments holds the flag of every outcome as an answer about an identity has it, each
// with a comma at its end. It is immutable.
type fragments struct {
	text []byte
	ends []int // the offset at which each ends, by OutcomeID
}

func newFragments(outcomes []engine.Outcome) *fragments {
	f := &fragments{text: make([]byte, 0, fragmentsSize(outcomes)), ends: make([]int, len(outcomes))}
	for i := range outcomes {
		f.text = append(appendIdentityFlag(f.text, &outcomes[i]), ',')
		f.ends[i] = len(f.text)
	}
	return f
}

// of returns the flag of an outcome.
func (f *fragments) of(id engine.OutcomeID) []byte {
	start := 0
	if id > 0 {
		start = f.ends[id-1]
	}
	return f.text[start:f.ends[id]]
}

// Presenter prepares the answers about environments that an API serves. It implements
// app.Presenter. The zero value is ready to use. It is safe for concurrent use.
type Presenter struct {
	writers, fastWriters sync.Pool // *gzip.Writer
}

var _ app.Presenter = (*Presenter)(nil)

// Present prepares the answers about e. They keep e.Body.
func (pr *Presenter) Present(e *app.Environment) app.Presentation {
	outcomes, flags := e.Program.Outcomes(), e.Program.Flags()
	p := &presentation{
		updatedAt: updatedAt(e.UpdatedAt),
		fragments: sync.OnceValue(func() *fragments { return newFragments(outcomes) }),
		hidden:    make([]bool, len(outcomes)),
		features:  make([]prepared, len(flags)),
		document:  pr.prepare(e.Body, e.Digest),
		seeds:     newTagSeeds(e.Digest),
	}
	p.modified.set(e.UpdatedAt)
	p.eventStreams = ofrepEventStreams(e.Key, p.document.tag())
	p.overrides = sync.OnceValue(func() overrideList { return findOverrides(string(p.document.plain)) })
	for i := range outcomes {
		p.hidden[i] = outcomes[i].Hidden
	}
	if len(outcomes) >= eagerOutcomes {
		p.fragments()
	}
	all, visible := []byte{'['}, []byte{'['}
	ends := make([]int, len(flags))
	for i, id := range flags {
		begin := len(all)
		all = append(append(appendReason(appendFlag(all, &outcomes[id]), &outcomes[id]), '}'), ',')
		ends[i] = len(all)
		if !p.hidden[id] {
			visible = append(visible, all[begin:]...)
		}
	}
	all = bytes.Clone(closeList(all)) // without the room to grow
	begin := 1
	for i, end := range ends {
		p.features[i] = pr.prepareOwn(all[begin : end-1 : end-1])
		begin = end
	}
	every := pr.prepareOwn(all)
	p.flags = [2]*prepared{domain.ClientSide: &every, domain.ServerSide: &every}
	if len(visible) < len(all) {
		some := pr.prepareOwn(closeList(visible))
		p.flags[domain.ClientSide] = &some
	}
	return p
}

// presentationOf returns what Present made for e.
func presentationOf(e *app.Environment) *presentation { return e.Presentation.(*presentation) }

// stamp sets the headers that say which document an answer is about and how it may be
// cached.
func (p *presentation) stamp(h http.Header) {
	h["Cache-Control"] = headerRevalidate
	if p.updatedAt != nil {
		h[updatedAtHeader] = p.updatedAt
	}
}

// feature returns the prepared flag called name, or nil when it does not exist or the
// entry's key may not see it.
func (p *presentation) feature(entry app.Entry, name string) *prepared {
	program := entry.Environment.Program
	i, ok := program.Feature(name)
	if !ok || entry.Access == domain.ClientSide && p.hidden[program.Flags()[i]] {
		return nil
	}
	return &p.features[i]
}

// appendFlags appends the flags of the outcomes that access may see, and the bracket that
// closes the array.
func (p *presentation) appendFlags(dst []byte, outcomes []engine.OutcomeID, access domain.Access) []byte {
	f, size := p.fragments(), 1
	for _, id := range outcomes {
		size += len(f.of(id))
	}
	dst = slices.Grow(dst, size)
	for _, id := range outcomes {
		if access != domain.ClientSide || !p.hidden[id] {
			dst = append(dst, f.of(id)...)
		}
	}
	return closeList(dst)
}

// closeList ends a list whose elements have commas at their ends.
func closeList(dst []byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = ']'
		return dst
	}
	return append(dst, ']')
}

// appendFlag appends one flag without its closing brace. The specification defines the
// order of its members (docs/spec/behaviour.md#flags).
func appendFlag(dst []byte, o *engine.Outcome) []byte {
	dst = append(dst, `{"feature":{"id":`...)
	dst = strconv.AppendInt(dst, o.Feature.ID, 10)
	dst = append(dst, `,"name":`...)
	dst = jsonscan.AppendString(dst, o.Feature.Name)
	dst = append(dst, `,"type":`...)
	dst = jsonscan.AppendString(dst, o.Feature.Type)
	dst = append(dst, `},"enabled":`...)
	dst = strconv.AppendBool(dst, o.Enabled)
	dst = append(dst, `,"feature_state_value":`...)
	return o.Value.AppendJSON(dst)
}

// appendIdentityFlag appends a flag as an answer about an identity has it.
func appendIdentityFlag(dst []byte, o *engine.Outcome) []byte {
	dst = o.Variant().AppendJSON(append(appendFlag(dst, o), `,"variant":`...))
	dst = appendReason(dst, o)
	if o.Metadata != "" {
		dst = append(append(dst, `,"metadata":`...), o.Metadata...)
	}
	return append(dst, '}')
}

func appendReason(dst []byte, o *engine.Outcome) []byte {
	return jsonscan.AppendString(append(dst, `,"reason":`...), string(o.AppendReason(nil)))
}

// fragmentsSize estimates the size of all fragments, so that the buffer of hundreds of
// thousands of them need not grow.
func fragmentsSize(outcomes []engine.Outcome) (size int) {
	const frame = len(`{"feature":{"id":1234567,"name":"","type":""},"enabled":false,"feature_state_value":"","variant":null,"reason":"TARGETING_MATCH; segment=identity_overrides"},`)
	for i := range outcomes {
		o := &outcomes[i]
		size += frame + len(o.Feature.Name) + len(o.Feature.Type) + len(o.Value.Text()) + len(o.Metadata)
	}
	return size
}

// updatedAt returns the header value of t: Unix seconds, always with a fraction.
func updatedAt(t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	seconds := strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
	if !strings.Contains(seconds, ".") {
		seconds += ".0"
	}
	return []string{seconds}
}

// prepareOwn is prepare for a body that was made here.
func (pr *Presenter) prepareOwn(body []byte) prepared { return pr.prepare(body, sha256.Sum256(body)) }

// prepare returns body ready to be served. It keeps body, whose SHA-256 is digest. A
// large body is gzipped at once, because no request should wait for that.
func (pr *Presenter) prepare(body []byte, digest [sha256.Size]byte) prepared {
	tag := bodyTag(digest)
	b := prepared{plain: body, length: [1]string{strconv.Itoa(len(body))}, etag: [1]string{quoted(tag, "")}}
	if len(body) >= compressFrom {
		b.zipped = &zipped{compress: pr.compress, etag: [1]string{quoted(tag, gzipSuffix)}}
	}
	if len(body) >= bigBody {
		b.zip()
	}
	return b
}

func (pr *Presenter) compress(body []byte) []byte {
	pool, level := &pr.writers, gzip.DefaultCompression
	if len(body) >= bigBody {
		pool, level = &pr.fastWriters, gzip.BestSpeed
	}
	var out bytes.Buffer
	out.Grow(len(body) / 6)
	w, _ := pool.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(&out, level) // fails for invalid levels only
	} else {
		w.Reset(&out)
	}
	_, _ = w.Write(body) // never fails
	_ = w.Close()
	w.Reset(io.Discard)
	pool.Put(w)
	if out.Cap()-out.Len() > out.Len()/4 {
		return bytes.Clone(out.Bytes()) // it stays as long as the document does
	}
	return out.Bytes()
}
