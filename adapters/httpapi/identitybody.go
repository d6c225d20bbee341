package httpapi

import (
	"strings"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// The limits of an identity. They bound what evaluating it costs.
const (
	maxTraitValue = 2000   // characters of a trait's string value
	maxIdentity   = 16_384 // characters of an identifier
	maxDigits     = 4300   // digits of a number
)

// decodeIdentity decodes the body of a request for an identity into id. It reuses the
// slice of id's traits, and the strings of id become parts of body. The error lists all
// problems of the body. When a member appears twice, the last one wins, also for errors.
func decodeIdentity(body string, id *domain.Identity) error {
	body = strings.TrimPrefix(body, "\ufeff")
	d := identityDecoder{Scanner: jsonscan.New(body), body: body, id: id}
	id.Identifier, id.Traits = "", id.Traits[:0]
	d.identity()
	if err := d.End(); err != nil {
		return malformed(body, err)
	}
	if len(d.wrongIdentity)+len(d.wrongTraits) > 0 {
		return invalid(append(d.wrongIdentity, d.wrongTraits...))
	}
	return nil
}

type identityDecoder struct {
	jsonscan.Scanner
	body string
	id   *domain.Identity
	// Problems are listed in the order of the members in the Python proxy's model, not
	// in that of the body.
	wrongIdentity, wrongTraits problems
}

func (d *identityDecoder) identity() {
	switch d.Kind() {
	case jsonscan.Object:
	case jsonscan.Null: // is treated like a missing body
		d.wrongIdentity.add(missing, place{trait: none}, d.Raw())
		return
	default:
		d.wrongIdentity.add(wrongModel, place{trait: none}, d.Raw())
		return
	}
	for key := range d.Keys() {
		switch key {
		case "identifier":
			d.identifier()
		case "traits":
			d.traits()
		default:
			d.Skip()
		}
	}
}

// mark reads a transient member. It reports false for null and for anything else that is
// not true or false.
func (d *identityDecoder) mark() (transient, marked bool) {
	if d.Kind() != jsonscan.Bool {
		d.Skip()
		return false, false
	}
	return d.Bool(), true
}

func (d *identityDecoder) identifier() {
	d.id.Identifier, d.wrongIdentity = "", nil
	switch d.Kind() {
	case jsonscan.String:
		start := d.Offset()
		d.id.Identifier = d.String()
		if tooLong(d.id.Identifier, maxIdentity) {
			d.wrongIdentity.add(longIdentity, place{trait: none, field: "identifier"}, d.body[start:d.Offset()])
		}
	case jsonscan.Null:
		d.Null()
	default:
		d.wrongIdentity.add(wrongString, place{trait: none, field: "identifier"}, d.Raw())
	}
}

func (d *identityDecoder) traits() {
	d.id.Traits, d.wrongTraits = d.id.Traits[:0], nil
	switch d.Kind() {
	case jsonscan.Array:
	case jsonscan.Null: // stands for no traits
		d.Null()
		return
	default:
		d.wrongTraits.add(wrongList, place{trait: none, field: "traits"}, d.Raw())
		return
	}
	d.EnterArray()
	for i := 0; d.NextElement(); i++ {
		d.trait(i)
	}
}

func (d *identityDecoder) trait(i int) {
	if d.Kind() != jsonscan.Object {
		d.wrongTraits.add(wrongModel, place{trait: i}, d.Raw())
		return
	}
	start := d.Offset()
	var t domain.Trait
	keyed, wrongKey, wrongValue, value := false, "", "", ""
	for member := range d.Keys() {
		switch member {
		case "trait_key":
			keyed, wrongKey = true, ""
			if d.Kind() == jsonscan.String {
				t.Key = d.String()
			} else {
				wrongKey = d.Raw()
			}
		case "trait_value":
			wrongValue = ""
			if kind := d.Kind(); kind == jsonscan.Array || kind == jsonscan.Object {
				wrongValue = d.Raw()
			} else {
				from := d.Offset()
				t.Value = domain.ReadValue(&d.Scanner)
				value = d.body[from:d.Offset()]
			}
		case "transient":
			t.Transient, t.Marked = d.mark()
		default:
			d.Skip()
		}
	}
	d.id.Traits = append(d.id.Traits, t)

	key := place{trait: i, field: "trait_key"}
	switch {
	case d.Err() != nil:
		return
	case !keyed:
		d.wrongTraits.add(missing, key, d.body[start:d.Offset()])
	case wrongKey != "":
		d.wrongTraits.add(wrongString, key, wrongKey)
	}
	switch {
	case wrongValue != "":
		d.wrongTraits.addValue(i, wrongValue)
	case longText(t.Value):
		d.wrongTraits.add(longTrait, place{trait: i, field: "trait_value"}, value)
	case manyDigits(t.Value):
		d.wrongTraits.add(longNumber, place{trait: i, field: "trait_value", member: "int"}, value)
	}
}

// tooLong reports whether text has more than most characters.
func tooLong(text string, most int) bool {
	return len(text) > most && utf8.RuneCountInString(text) > most
}

// longText reports whether v is a string of more than maxTraitValue characters.
func longText(v domain.Value) bool {
	return v.Kind() == jsonscan.String && tooLong(v.Text(), maxTraitValue)
}

// manyDigits reports whether v is a number of more than maxDigits digits.
func manyDigits(v domain.Value) bool {
	if v.Kind() != jsonscan.Number || len(v.Text()) <= maxDigits {
		return false
	}
	digits := 0
	for _, c := range []byte(v.Text()) {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits > maxDigits
}
