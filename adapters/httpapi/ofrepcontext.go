package httpapi

import (
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// decodeContext decodes the evaluation context in the body of an OFREP request into id. It
// reuses the slice of id's traits, and the strings of id become parts of body.
//
// targetingKey becomes the identifier. Other attributes that are strings, numbers,
// booleans or null become traits, and so do the members of an object called traits, where
// Flagsmith's own OpenFeature providers look for them. Lists and other objects are
// ignored: a trait has one value, and other providers may use the same context. When an
// attribute appears twice, the last one wins. An empty body is an empty context.
func decodeContext(body string, id *domain.Identity) error {
	id.Identifier, id.Traits = "", id.Traits[:0]
	body = strings.TrimPrefix(body, "\ufeff")
	if body == "" {
		return nil
	}
	d := contextDecoder{Scanner: jsonscan.New(body), id: id}
	d.request()
	if err := d.End(); err != nil {
		return badRequest(ofrepParseError, err.Error())
	}
	if d.wrong != nil { // a nil *statusError would not be a nil error
		return d.wrong
	}
	return nil
}

type contextDecoder struct {
	jsonscan.Scanner
	id    *domain.Identity
	wrong *statusError // the first problem
}

func (d *contextDecoder) request() {
	if d.Kind() != jsonscan.Object {
		d.Skip()
		d.refuse(ofrepParseError, "the body must be an object")
		return
	}
	for key := range d.Keys() {
		if key == "context" {
			d.context()
		} else {
			d.Skip()
		}
	}
}

func (d *contextDecoder) context() {
	d.id.Identifier, d.id.Traits = "", d.id.Traits[:0]
	switch d.Kind() {
	case jsonscan.Object:
		d.attributes(true)
	case jsonscan.Null:
		d.Null()
	default:
		d.Skip()
		d.refuse(ofrepInvalidContext, "context must be an object")
	}
}

// attributes reads the context (top) or the object of traits in it.
func (d *contextDecoder) attributes(top bool) {
	for name := range d.Keys() {
		kind := d.Kind()
		switch {
		case top && name == "targetingKey":
			d.targetingKey(kind)
		case top && name == "traits" && kind == jsonscan.Object:
			d.attributes(false)
		case kind == jsonscan.Array || kind == jsonscan.Object:
			d.Skip()
		default:
			value := domain.ReadValue(&d.Scanner)
			switch {
			case longText(value):
				d.refuse(ofrepInvalidContext, "attribute "+cut(name)+" has more than 2000 characters")
			case manyDigits(value):
				d.refuse(ofrepInvalidContext, "attribute "+cut(name)+" has more than 4300 digits")
			}
			d.id.Traits = append(d.id.Traits, domain.Trait{Key: name, Value: value})
		}
	}
}

func (d *contextDecoder) targetingKey(kind jsonscan.Kind) {
	switch kind {
	case jsonscan.String:
		if d.id.Identifier = d.String(); tooLong(d.id.Identifier, maxIdentity) {
			d.refuse(ofrepInvalidContext, "targetingKey has more than 16384 characters")
		}
	case jsonscan.Null:
		d.Null()
		d.id.Identifier = ""
	default:
		d.Skip()
		d.refuse(ofrepInvalidContext, "targetingKey must be a string")
	}
}

// refuse records a problem. Reading continues, because a syntax error takes precedence.
func (d *contextDecoder) refuse(code, details string) {
	if d.wrong == nil {
		d.wrong = badRequest(code, details)
	}
}
