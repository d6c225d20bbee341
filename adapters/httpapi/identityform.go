package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/query"
)

// readIdentity reads the body of a request for an identity as JSON. The body may be
// compressed with gzip, and it may be a form. The limit of a body applies to what it
// decompresses to, too.
func (a *API) readIdentity(w http.ResponseWriter, r *http.Request, s *scratch) (string, error) {
	plain, _ := decompressed(r)
	body, err := a.readBody(w, plain, s)
	switch {
	case err != nil:
		return "", err
	case body == "":
		return "", errMissingBody
	case isForm(r.Header["Content-Type"]):
		return formAsJSON(body), nil
	case !declaredJSON(r.Header["Content-Type"]):
		return "", notAnObject(body)
	}
	return body, nil
}

func isForm(contentType []string) bool {
	if len(contentType) == 0 {
		return false
	}
	name, _, _ := strings.Cut(contentType[0], ";")
	return strings.EqualFold(strings.TrimSpace(name), "application/x-www-form-urlencoded")
}

// formAsJSON returns the JSON that says the same as a form. The Flagsmith API reads the
// fields identifier, transient, and of each trait traits[N]trait_key,
// traits[N]trait_value and traits[N]transient. All values are texts.
func formAsJSON(form string) string {
	identity, traits := map[string]string{}, map[int]map[string]string{}
	for name, value := range query.All(form) {
		rest, ofTrait := strings.CutPrefix(name, "traits[")
		if !ofTrait {
			identity[name] = value
			continue
		}
		number, member, _ := strings.Cut(rest, "]")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		if traits[n] == nil {
			traits[n] = map[string]string{}
		}
		traits[n][strings.Trim(member, ".[]")] = value
	}
	dst := append(appendFields([]byte{'{'}, identity, "identifier"), `"traits":[`...)
	for i, n := range slices.Sorted(maps.Keys(traits)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendFields(append(dst, '{'), traits[n], "trait_key", "trait_value")
		dst = append(dst[:len(dst)-1], '}')
	}
	return string(append(dst, "]}"...))
}

// appendFields appends members for the texts of those names, and transient, each with a
// comma at its end. There is at least one.
func appendFields(dst []byte, fields map[string]string, texts ...string) []byte {
	for _, name := range texts {
		if text, ok := fields[name]; ok {
			dst = append(jsonscan.AppendString(dst, name), ':')
			dst = append(jsonscan.AppendString(dst, text), ',')
		}
	}
	transient := "null"
	if text, ok := fields["transient"]; ok {
		transient = strconv.FormatBool(slices.Contains([]string{"true", "t", "yes", "y", "on", "1"}, strings.ToLower(text)))
	}
	return append(append(append(dst, `"transient":`...), transient...), ',')
}
