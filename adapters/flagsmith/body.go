package flagsmith

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/pace"
)

// tooLarge is the failure of a document that exceeds the limit.
func tooLarge(limit int64) *failure {
	return &failure{
		status:   http.StatusOK,
		cause:    "raise max_document_bytes if the document is meant to be so large, and the memory limit with it: a document takes up to 8 times its size in memory",
		err:      fmt.Errorf("the document is larger than max_document_bytes or the memory limit allows, which is %d", limit),
		tooLarge: true,
	}
}

// readBody reads and decompresses the whole body of a 200, of at most limit
// bytes, without the byte order mark that may precede it. A body that ends before its announced or its compressed end is an
// error. It does not close the body.
func readBody(answer *http.Response, limit int64) ([]byte, error) {
	var body []byte
	var err error
	switch encoding := strings.ToLower(strings.TrimSpace(answer.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if answer.ContentLength > limit {
			return nil, tooLarge(limit)
		}
		body, err = readAll(answer.Body, answer.ContentLength, limit)
	case "gzip", "x-gzip":
		body, err = readGzip(answer.Body, limit)
	default:
		return nil, &failure{
			status: answer.StatusCode,
			cause:  "only gzip was asked for; something on the way changes the answer",
			err:    fmt.Errorf("the answer has the content encoding %.40q", encoding),
		}
	}
	if failed := (*failure)(nil); err == nil || errors.As(err, &failed) {
		return bytes.TrimPrefix(body, []byte(domain.ByteOrderMark)), err
	}
	cause := "the answer was cut off or damaged on the way"
	if errors.Is(err, gzip.ErrHeader) {
		cause = "the answer says that it is compressed with gzip, and is not: something on the way changes it"
	}
	return nil, &failure{
		status: answer.StatusCode,
		cause:  cause,
		err:    fmt.Errorf("reading the answer: %w", withoutSecrets(err, answer.Request)),
	}
}

func readGzip(r io.Reader, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err == nil {
		return readAll(z, -1, limit)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// readAll reads r to its end, which comes after size bytes unless size is
// negative, and must come within limit bytes. A known size is allocated at once,
// if it is not beyond belief; otherwise growing chunks are joined at the end,
// which leaves less garbage than doubling does.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	r = &pace.Reader{Source: r, Pause: restBetweenPieces}
	const believed = 1 << 30
	if size >= 0 && size <= believed {
		b := make([]byte, size+1) // one more, to see the end
		n, err := pace.Fill(r, b)
		if errors.Is(err, io.EOF) && int64(n) == size {
			return b[:n:n], nil
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("it has another length than the announced %d bytes", size)
		}
		return nil, err
	}
	const smallest, largest = 16 << 10, 8 << 20
	var chunks [][]byte
	var total int64
	for length := smallest; ; length = min(2*length, largest) {
		chunk := make([]byte, length)
		n, err := pace.Fill(r, chunk)
		if total += int64(n); total > limit {
			return nil, tooLarge(limit)
		}
		chunks = append(chunks, chunk[:n])
		switch {
		case errors.Is(err, io.EOF):
			return slices.Concat(chunks...), nil
		case err != nil:
			return nil, err
		}
	}
}

// restBetweenPieces bounds the reading of a large body to some 250 MB a second, which
// few networks reach.
func restBetweenPieces() { time.Sleep(time.Millisecond) }

// checkJSON refuses a response that plainly is not JSON, with a better reason than a
// parser could give: a login page, a portal, an empty response, another encoding.
func (c *Client) checkJSON(answer *http.Response, body []byte) error {
	refuse := func(cause, what string) error {
		return &failure{status: http.StatusOK, cause: cause, err: errors.New("the answer " + what)}
	}
	begin := string(body[:min(len(body), 512)])
	switch what := domain.NotJSON(begin); {
	case what == "" && hasOtherCharset(answer.Header) && !utf8.Valid(body):
		return refuse("only UTF-8 is JSON; something on the way changes the answer", fmt.Sprintf("is not in UTF-8: its type is %.80q", answer.Header.Get("Content-Type")))
	case what == "" || len(body) > len(begin) && strings.TrimSpace(begin) == "":
		return nil
	case strings.Contains(what, "web page") && !c.trusts(answer.Request.URL):
		return refuse(fmt.Sprintf("api_url redirects to %s, which is perhaps a login or portal page: check api_url and the way there", show(answer.Request.URL)), what)
	case strings.Contains(what, "web page"):
		return refuse("api_url is probably not the address of a Flagsmith API, or a login or portal page came in between", what)
	case strings.Contains(what, "gzip"), strings.Contains(what, "UTF"):
		return refuse("something on the way changes the answer", what)
	default:
		return refuse("check api_url", what)
	}
}

// hasOtherCharset reports whether a response claims not to be in UTF-8.
func hasOtherCharset(header http.Header) bool {
	_, parameters, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch strings.ToLower(parameters["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
		return false
	}
	return true
}
