package httpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Entity tags are strong and depend on content alone, so that every node sends the
// same tags, before and after a restart. The tag of a prepared body is its hash. The tag
// of an answer about an identity is a hash of what the answer is made from: the
// document's revision, the access of the key, and the identity. The tag of a gzipped body
// is that of the plain one with gzipSuffix. Two builds of the proxy may compress a body
// differently; that would matter for ranges only, which the proxy does not serve.
const gzipSuffix = "-gzip"

// answerScheme is part of the tags of answers about identities. Increase it when a
// release answers the same request about the same document differently. Otherwise
// clients keep the old answer.
const answerScheme = "2"

// bodyTag returns the opaque part of a body's entity tag, given its SHA-256.
func bodyTag(digest [sha256.Size]byte) string { return hex.EncodeToString(digest[:16]) }

// quoted returns the entity tag of a form of a body, of which suffix is that of its
// encoding.
func quoted(opaque, suffix string) string { return `"` + opaque + suffix + `"` }

// identityTag is the entity tag of an answer about an identity. Zero means no tag.
type identityTag uint64

// tagSeeds are the seeds of identities' tags, by domain.Access.
type tagSeeds [2]uint64

func newTagSeeds(revision [sha256.Size]byte) (s tagSeeds) {
	for _, access := range []domain.Access{domain.ClientSide, domain.ServerSide} {
		digest := sha256.Sum256(append(append(revision[:], byte(access)), answerScheme...))
		s[access] = binary.BigEndian.Uint64(digest[:])
	}
	return s
}

// identity returns the tag of an answer about an identity, which is written as JSON.
//
// The hash is fast, because it is computed for every answer. A client that finds an
// identity with the tag of another one can only confuse its own copies.
func (s *tagSeeds) identity(access domain.Access, identity []byte) identityTag {
	var d xxhash.Digest
	d.ResetWithSeed(s[access])
	_, _ = d.Write(identity) // never fails
	return identityTag(max(d.Sum64(), 1))
}

// opaque returns the part of the entity tag between the quotes.
func (t identityTag) opaque() string { return string(t.appendOpaque(nil)) }

func (t identityTag) appendOpaque(dst []byte) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], uint64(t))
	return hex.AppendEncode(dst, raw[:])
}

// lengthAndTag returns the header values of a body's length and of its entity tag, which
// is nil for tag zero. Both share one allocation.
func lengthAndTag(length int, tag identityTag, zipped bool) (contentLength, etag []string) {
	var buf [64]byte
	text := strconv.AppendInt(buf[:0], int64(length), 10)
	digits := len(text)
	if tag == 0 {
		return []string{string(text)}, nil
	}
	text = tag.appendOpaque(append(text, '"'))
	if zipped {
		text = append(text, gzipSuffix...)
	}
	all := string(append(text, '"'))
	values := []string{all[:digits], all[digits:]}
	return values[:1:1], values[1:]
}

// matchTag looks up the entity tag with the given opaque part in If-None-Match, by weak
// comparison (RFC 9110, sections 8.8.3.2 and 13.1.2). It returns which form of the tag
// the client sent, and formAny for "*".
func matchTag(lines []string, opaque string) tagForm {
	for _, line := range lines {
		if strings.TrimSpace(line) == "*" {
			return formAny
		}
		for {
			line = strings.TrimLeft(line, " \t,")
			named, rest, ok := cutTag(line)
			if !ok {
				break // not a list of tags
			}
			switch suffix, same := strings.CutPrefix(named, opaque); {
			case same && suffix == "":
				return formPlain
			case same && suffix == gzipSuffix:
				return formZipped
			}
			line = rest
		}
	}
	return formNone
}

// tagForm is a form of an entity tag.
type tagForm uint8

const (
	formNone tagForm = iota
	formPlain
	formZipped
	formAny
)

// cutTag returns the opaque part of the entity tag at the beginning of text, and what
// follows the tag.
func cutTag(text string) (opaque, rest string, ok bool) {
	text, ok = strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	if !ok {
		return "", "", false
	}
	return strings.Cut(text, `"`)
}
