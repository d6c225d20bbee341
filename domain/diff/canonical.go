package diff

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// The functions of this file write values as JSON such that equal meanings have equal
// texts.

func textJSON(text string) string { return string(jsonscan.AppendString(nil, text)) }

// typeJSON writes the type of a feature; answers have STANDARD where the document states
// none.
func typeJSON(fs *domain.FeatureState) string {
	if fs.Feature.Type == "" {
		return `"STANDARD"`
	}
	return textJSON(fs.Feature.Type)
}

// idsJSON writes a set of ids.
func idsJSON(ids []int64) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	texts := make([]string, len(sorted))
	for i, id := range sorted {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// numberJSON writes a number of which only the size matters, such as a priority.
func numberJSON(v domain.Value) string {
	if f, ok := v.Float(); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return valueJSON(v)
}

// valueJSON writes a value that answers have. 1 and 1.0 are two values there.
func valueJSON(v domain.Value) string {
	switch v.Kind() {
	case jsonscan.Array, jsonscan.Object:
		return sortedMembers(v.Text())
	default:
		return string(v.AppendJSON(nil))
	}
}

// metadataJSON writes the metadata of a feature state.
func metadataJSON(object string) string {
	if object == "" {
		return null
	}
	return sortedMembers(object)
}

// sortedMembers returns a JSON text without blanks and with the members of objects
// sorted.
func sortedMembers(text string) string {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return text
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return text
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// variantsJSON writes the options of a feature state in the order in which they divide
// the percentages. Their ids only give the order.
func variantsJSON(variants []domain.Variant) string {
	ordered := slices.Clone(variants)
	slices.SortStableFunc(ordered, func(a, b domain.Variant) int { return a.Order.Compare(b.Order) })
	texts := make([]string, len(ordered))
	for i, v := range ordered {
		texts[i] = `{"key":` + valueJSON(v.Key) + `,"value":` + valueJSON(v.Value) + `,"weight":` + numberJSON(v.Weight) + "}"
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// stateJSON writes an override that only one of the documents has.
func stateJSON(fs *domain.FeatureState) string {
	text := `{"enabled":` + strconv.FormatBool(fs.Enabled) + `,"value":` + valueJSON(fs.Value)
	if !fs.Priority.IsNull() {
		text += `,"priority":` + numberJSON(fs.Priority)
	}
	if len(fs.Variants) > 0 {
		text += `,"variants":` + variantsJSON(fs.Variants)
	}
	return text + "}"
}
