package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// difference is what changed from one document to the next, by name.
type difference struct {
	changed, added, removed []string // features
	segments                []string // changed, added or removed
	identities              int      // identity overrides that changed, were added or removed
}

// summary returns the difference for the status.
func (d difference) summary(at time.Time, via Via) ChangeSummary {
	return ChangeSummary{At: at, Via: via, Changed: d.changed, Added: d.added, Removed: d.removed, Segments: d.segments, Identities: d.identities}
}

// String returns the summary as a sentence.
func (c ChangeSummary) String() string {
	var parts []string
	for _, part := range []struct {
		names []string
		what  string
	}{{c.Changed, "changed"}, {c.Added, "added"}, {c.Removed, "removed"}} {
		if n := len(part.names); n > 0 {
			parts = append(parts, fmt.Sprintf("%d features %s", n, part.what))
		}
	}
	if n := len(c.Segments); n > 0 {
		parts = append(parts, fmt.Sprintf("%d segments differ", n))
	}
	if c.Identities > 0 {
		parts = append(parts, fmt.Sprintf("overrides of %d identities differ", c.Identities))
	}
	if len(parts) == 0 {
		parts = []string{"nothing that is served differs"}
	}
	return fmt.Sprintf("A new document has arrived, via %s: %s.", c.Via, strings.Join(parts, ", "))
}

// compare returns the difference between the texts of two documents that have been
// parsed before. It compares the texts of their parts, so that it needs nothing to be
// kept of the former document but its text.
func compare(former, next string) difference {
	before, after := partsOf(former), partsOf(next)
	var d difference
	for name, text := range after.features {
		switch old, known := before.features[name]; {
		case !known:
			d.added = append(d.added, name)
		case old != text:
			d.changed = append(d.changed, name)
		}
	}
	for name := range before.features {
		if _, still := after.features[name]; !still {
			d.removed = append(d.removed, name)
		}
	}
	d.segments = differing(before.segments, after.segments)
	d.identities = len(differing(before.identities, after.identities))
	for _, names := range [][]string{d.changed, d.added, d.removed, d.segments} {
		slices.Sort(names)
	}
	return d
}

// differing returns the names whose texts are not the same in both maps.
func differing(before, after map[string]string) (names []string) {
	for name, text := range after {
		if old, known := before[name]; !known || old != text {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, still := after[name]; !still {
			names = append(names, name)
		}
	}
	return names
}

// parts are the texts of a document's parts, by name. Of parts with the same name the
// texts are joined.
type parts struct{ features, segments, identities map[string]string }

func partsOf(document string) parts {
	p := parts{map[string]string{}, map[string]string{}, map[string]string{}}
	s := jsonscan.New(document)
	members(&s, func(key string) {
		switch key {
		case "feature_states":
			collect(&s, p.features, "feature", "name")
		case "project":
			members(&s, func(key string) {
				if key == "segments" {
					collect(&s, p.segments, "name")
				} else {
					s.Skip()
				}
			})
		case "identity_overrides":
			collect(&s, p.identities, "identifier")
		default:
			s.Skip()
		}
	})
	return p
}

// members calls value for each member of an object; value must read the member's value.
// Any other value is skipped.
func members(s *jsonscan.Scanner, value func(key string)) {
	if s.Kind() != jsonscan.Object {
		s.Skip()
		return
	}
	s.EnterObject()
	for key, more := s.NextKey(); more; key, more = s.NextKey() {
		value(key)
	}
}

// collect adds the texts of an array's elements to texts, by the string at path.
func collect(s *jsonscan.Scanner, texts map[string]string, path ...string) {
	if s.Kind() != jsonscan.Array {
		s.Skip()
		return
	}
	s.EnterArray()
	for s.NextElement() {
		text := s.Raw()
		texts[stringAt(text, path...)] += text
	}
}

// stringAt returns the string at a path of members in a JSON text, or "".
func stringAt(text string, path ...string) (found string) {
	s := jsonscan.New(text)
	members(&s, func(key string) {
		switch {
		case key != path[0]:
			s.Skip()
		case len(path) > 1:
			found = stringAt(s.Raw(), path[1:]...)
		case s.Kind() == jsonscan.String:
			found = s.String()
		default:
			s.Skip()
		}
	})
	return found
}
