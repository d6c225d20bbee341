package inspect

import (
	"encoding/json"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/diff"
	"github.com/edge-proxy/edge-proxy/engine"
)

// Comparison is what distinguishes two documents.
type Comparison struct {
	// Different reports that the documents have not the same meaning, or that an identity
	// sees other values.
	Different bool `json:"different"`
	// Environments are the client-side keys that the documents state. Two of them are
	// not a difference.
	Environments [2]string `json:"environments"`
	*diff.Difference
	// Identities are those of the compared identities that see other values, and
	// Compared is how many were compared.
	Identities []Affected `json:"identities,omitempty"`
	Compared   int        `json:"identities_compared,omitempty"`
}

// Affected is an identity that sees other values.
type Affected struct {
	// Number is the one that the caller gave it, such as its line in a file.
	Number     int       `json:"number"`
	Identifier string    `json:"identifier"`
	Flags      []Changed `json:"flags"`
}

// Changed is a flag that an identity sees otherwise.
type Changed struct {
	Feature string `json:"feature"`
	Before  *Seen  `json:"before"` // nil: there is no such flag
	After   *Seen  `json:"after"`
}

// Seen is what an identity sees of a flag.
type Seen struct {
	Enabled bool            `json:"enabled"`
	Value   json.RawMessage `json:"value"`
	Variant json.RawMessage `json:"variant"`
}

// Comparer compares two documents, also by what identities see. It is not safe for
// concurrent use.
type Comparer struct {
	before, after *engine.Program
	result        *Comparison
	outcomes      [2][]engine.OutcomeID // buffers
}

// NewComparer returns a comparer of two documents. The error wraps domain.ErrUnusable.
func NewComparer(former, next Source) (*Comparer, error) {
	before, err := former.parse()
	if err != nil {
		return nil, err
	}
	after, err := next.parse()
	if err != nil {
		return nil, err
	}
	d := diff.Compare(before, after)
	c := &Comparer{result: &Comparison{Different: !d.Empty(), Environments: [2]string{before.APIKey, after.APIKey}, Difference: d}}
	c.before, _ = engine.Compile(before)
	c.after, _ = engine.Compile(after)
	return c, nil
}

// Identity compares what an identity sees, with the server-side key. number says which
// one it is.
func (c *Comparer) Identity(number int, id *domain.Identity) {
	c.result.Compared++
	c.outcomes[0] = c.before.Evaluate(c.outcomes[0][:0], id)
	c.outcomes[1] = c.after.Evaluate(c.outcomes[1][:0], id)
	var changed []Changed
	for i, before := range c.outcomes[0] {
		name := c.before.Name(i)
		other, ok := c.after.Feature(name)
		if !ok {
			changed = append(changed, Changed{Feature: name, Before: seen(&c.before.Outcomes()[before])})
			continue
		}
		a, b := &c.before.Outcomes()[before], &c.after.Outcomes()[c.outcomes[1][other]]
		if a.Enabled != b.Enabled || a.Value != b.Value || a.Variant() != b.Variant() {
			changed = append(changed, Changed{name, seen(a), seen(b)})
		}
	}
	for i, after := range c.outcomes[1] {
		name := c.after.Name(i)
		if _, ok := c.before.Feature(name); !ok {
			changed = append(changed, Changed{Feature: name, After: seen(&c.after.Outcomes()[after])})
		}
	}
	if len(changed) > 0 {
		c.result.Different = true
		c.result.Identities = append(c.result.Identities, Affected{number, id.Identifier, changed})
	}
}

// Result returns what was found so far. It is not to be changed.
func (c *Comparer) Result() *Comparison { return c.result }

func seen(o *engine.Outcome) *Seen { return &Seen{o.Enabled, raw(o.Value), raw(o.Variant())} }
