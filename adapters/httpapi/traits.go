package httpapi

import (
	"net/http"
	"strings"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// Flagsmith's older mobile SDKs store traits with requests of their own. The proxy stores
// no traits; it answers as the Flagsmith API does, so that these SDKs go on. The traits
// apply once the SDK sends them with a request for an identity.
const traitsPath = "/api/v1/traits"

// postTrait answers with the trait in the request's body.
func (a *API) postTrait(w http.ResponseWriter, r bunrouter.Request) error {
	return a.echoTraits(w, r.Request, (*traitDecoder).trait)
}

// putTraits answers with the traits in the request's body, a list.
func (a *API) putTraits(w http.ResponseWriter, r bunrouter.Request) error {
	return a.echoTraits(w, r.Request, (*traitDecoder).list)
}

func (a *API) echoTraits(w http.ResponseWriter, r *http.Request, read func(*traitDecoder)) error {
	if _, err := a.serving(r); err != nil {
		return err
	}
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	body, err := a.readJSON(w, r, s)
	if err != nil {
		return err
	}
	body = strings.TrimPrefix(body, "\ufeff")
	d := traitDecoder{Scanner: jsonscan.New(body), out: s.out[:0]}
	read(&d)
	s.out = d.out
	if err := d.End(); err != nil {
		return malformed(body, err)
	}
	if d.wrong != "" {
		return &statusError{status: http.StatusBadRequest, body: []byte(d.wrong)}
	}
	return a.writeJSON(w, r, http.StatusOK, s.out)
}

// traitDecoder reads traits and writes them in the form of the answer.
type traitDecoder struct {
	jsonscan.Scanner
	out   []byte
	wrong string // the first problem, in the form of the Flagsmith API
}

func (d *traitDecoder) list() {
	if d.Kind() != jsonscan.Array {
		d.Skip()
		d.refuse("non_field_errors", "Expected a list of items.")
		return
	}
	d.out = append(d.out, '[')
	d.EnterArray()
	for i := 0; d.NextElement(); i++ {
		if i > 0 {
			d.out = append(d.out, ',')
		}
		d.trait()
	}
	d.out = append(d.out, ']')
}

func (d *traitDecoder) trait() {
	if d.Kind() != jsonscan.Object {
		d.Skip()
		d.refuse("non_field_errors", "Invalid data. Expected a dictionary.")
		return
	}
	var identifier, key, value domain.Value
	valued := false
	for name := range d.Keys() {
		switch name {
		case "identity":
			identifier = d.identifier()
		case "trait_key":
			key = domain.ReadValue(&d.Scanner)
		case "trait_value":
			value, valued = domain.ReadValue(&d.Scanner), true
		default:
			d.Skip()
		}
	}
	switch kind := value.Kind(); {
	case identifier.Kind() != jsonscan.String:
		d.refuse("identity", "This field is required.")
	case key.Kind() != jsonscan.String || key.Text() == "":
		d.refuse("trait_key", "This field is required.")
	case !valued:
		d.refuse("trait_value", "This field is required.")
	case kind == jsonscan.Array || kind == jsonscan.Object:
		d.refuse("trait_value", "Not a valid trait value.")
	case longText(value):
		d.refuse("trait_value", "Ensure this field has no more than 2000 characters.")
	case manyDigits(value):
		d.refuse("trait_value", "Ensure this field has no more than 4300 digits.")
	}
	d.out = identifier.AppendJSON(append(d.out, `{"identity":{"identifier":`...))
	d.out = key.AppendJSON(append(d.out, `},"trait_key":`...))
	d.out = value.AppendJSON(append(d.out, `,"trait_value":`...))
	d.out = append(d.out, '}')
}

// identifier reads the identity that a trait belongs to, an object with an identifier.
func (d *traitDecoder) identifier() (identifier domain.Value) {
	if d.Kind() != jsonscan.Object {
		d.Skip()
		return identifier
	}
	for name := range d.Keys() {
		if name == "identifier" {
			identifier = domain.ReadValue(&d.Scanner)
		} else {
			d.Skip()
		}
	}
	return identifier
}

// refuse keeps the first problem of a body.
func (d *traitDecoder) refuse(field, what string) {
	if d.wrong == "" {
		body := append(jsonscan.AppendString([]byte{'{'}, field), `:[`...)
		d.wrong = string(append(jsonscan.AppendString(body, what), `]}`...))
	}
}
