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

// Entity tags are strong and made from content alone, so that every node gives
// the same ones, before and after a restart. A body that was prepared is named by
// its own hash; an answer about an identity by what it is made from: the
// document's revision, the access of the key, and the identity. The gzipped form
// of a body has the tag of the plain one with gzipSuffix in it. It stands for
// what comes out when it is unpacked: two builds of the proxy may pack the same
// body differently, which would matter for ranges only, and there are none.
const gzipSuffix = "-gzip"

// answerScheme is part of the tags that are made from what an answer is made
// from. It must be counted up when a release answers the same question about the
// same document differently, or else clients are told to keep the old answer.
const answerScheme = "1"

// bodyTag returns the opaque part of a body's entity tag, given its SHA-256.
func bodyTag(digest [sha256.Size]byte) string { return hex.EncodeToString(digest[:16]) }

// quoted returns the header values of the entity tags of a body's two forms.
func quoted(opaque string) (plain, zipped []string) {
	return []string{`"` + opaque + `"`}, []string{`"` + opaque + gzipSuffix + `"`}
}

// identityTag is the entity tag of an answer about an identity. Zero is none.
type identityTag uint64

// tagSeeds are what the tags of answers about identities start from, by
// domain.Access.
type tagSeeds [2]uint64

func newTagSeeds(revision [sha256.Size]byte) (s tagSeeds) {
	for _, access := range []domain.Access{domain.ClientSide, domain.ServerSide} {
		digest := sha256.Sum256(append(append(revision[:], byte(access)), answerScheme...))
		s[access] = binary.BigEndian.Uint64(digest[:])
	}
	return s
}

// identity returns the tag of what access gets to see of an identity, written as
// JSON.
//
// The hash is a fast one, for it is computed for every answer. Who can choose an
// identity so that its tag equals another's has nothing but his own copy to
// mistake for it.
func (s *tagSeeds) identity(access domain.Access, identity []byte) identityTag {
	var d xxhash.Digest
	d.ResetWithSeed(s[access])
	_, _ = d.Write(identity) // takes everything
	return identityTag(max(d.Sum64(), 1))
}

// opaque returns the part of the entity tag between the quotes.
func (t identityTag) opaque() string { return string(t.appendOpaque(nil)) }

func (t identityTag) appendOpaque(dst []byte) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], uint64(t))
	return hex.AppendEncode(dst, raw[:])
}

// lengthAndTag returns the header values of a body's length and of its entity
// tag, which is nil where there is none. They share their memory.
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

// matchTag looks the entity tag with the given opaque part up in If-None-Match,
// by weak comparison (RFC 9110, sections 8.8.3.2 and 13.1.2). It returns which of
// the tag's forms the client named. For "*", which any form answers to, it
// returns formAny.
func matchTag(lines []string, opaque string) tagForm {
	for _, line := range lines {
		if strings.TrimSpace(line) == "*" {
			return formAny
		}
		for {
			line = strings.TrimLeft(line, " \t,")
			named, rest, ok := cutTag(line)
			if !ok {
				break // what is no list of tags names none
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

// cutTag cuts the entity tag off that text begins with, and returns its opaque
// part.
func cutTag(text string) (opaque, rest string, ok bool) {
	text, ok = strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	if !ok {
		return "", "", false
	}
	return strings.Cut(text, `"`)
}
