package httpapi

import (
	"math"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/engine/python/text"
)

const (
	// maxCount is the highest count that Flagsmith stores.
	maxCount = math.MaxInt32
	// maxIdentifier is how many characters of an identifier Flagsmith stores.
	maxIdentifier = 2000
)

// decodeCounts reads {"feature_name": count, …}. It leaves out
// features that the program does not have, and values that are not integers from 1 to
// maxCount. When a feature appears twice, the last count wins. Names may be parts of
// body.
func decodeCounts(body string, program *engine.Program) ([]domain.FeatureCount, error) {
	d := jsonscan.New(strings.TrimPrefix(body, "\ufeff"))
	if d.Kind() != jsonscan.Object {
		return nil, errCountsBody
	}
	var counts []domain.FeatureCount
	at := map[int]int{} // in counts, by number of the feature
	for name := range d.Keys() {
		n, isCount := readCount(&d)
		number, known := program.Feature(name)
		if !known {
			continue
		}
		i, again := at[number]
		if !again {
			i = len(counts)
			at[number] = i
			counts = append(counts, domain.FeatureCount{Feature: name})
		}
		if !isCount {
			n = 0
		}
		counts[i].Count = n
	}
	if d.End() != nil {
		return nil, errCountsBody
	}
	kept := counts[:0]
	for _, c := range counts {
		if c.Count > 0 {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// decodeEvaluations reads {"evaluations":[{"feature_name","identity_identifier",
// "enabled_when_evaluated","count"}, …]}. It leaves out evaluations of features that
// the program does not have, those without a valid count or without
// enabled_when_evaluated, and those whose identifier is not a string or is too long. A
// blank identifier counts as missing. When a member appears twice, the last one wins.
// Strings may be parts of body.
func decodeEvaluations(body string, program *engine.Program) ([]domain.FeatureEvaluation, error) {
	d := jsonscan.New(strings.TrimPrefix(body, "\ufeff"))
	if d.Kind() != jsonscan.Object {
		return nil, errEvaluationsBody
	}
	var evaluations []domain.FeatureEvaluation
	found := false
	for key := range d.Keys() {
		if key != "evaluations" {
			d.Skip()
			continue
		}
		evaluations, found = evaluations[:0], d.Kind() == jsonscan.Array
		if !found {
			d.Skip()
			continue
		}
		d.EnterArray()
		for d.NextElement() {
			if e, ok := readEvaluation(&d, program); ok {
				evaluations = append(evaluations, e)
			}
		}
	}
	if d.End() != nil || !found {
		return nil, errEvaluationsBody
	}
	return evaluations, nil
}

func readEvaluation(d *jsonscan.Scanner, program *engine.Program) (e domain.FeatureEvaluation, ok bool) {
	if d.Kind() != jsonscan.Object {
		d.Skip()
		return e, false
	}
	var counted, stated bool
	known, identified := false, true
	for key := range d.Keys() {
		switch kind := d.Kind(); key {
		case "feature_name":
			known = false
			if kind != jsonscan.String {
				d.Skip()
				continue
			}
			e.Feature = d.String()
			_, known = program.Feature(e.Feature)
		case "identity_identifier":
			e.Identity, identified = "", true
			switch kind {
			case jsonscan.String:
				if name := d.String(); !text.IsBlank(name) {
					e.Identity, identified = name, !tooLong(name, maxIdentifier)
				}
			case jsonscan.Null:
				d.Null()
			default:
				identified = false
				d.Skip()
			}
		case "enabled_when_evaluated":
			if stated = kind == jsonscan.Bool; stated {
				e.Enabled = d.Bool()
			} else {
				d.Skip()
			}
		case "count":
			e.Count, counted = readCount(d)
		default:
			d.Skip()
		}
	}
	return e, counted && stated && known && identified
}

// readCount reads any value and reports whether it is a valid count.
func readCount(d *jsonscan.Scanner) (n int64, ok bool) {
	if d.Kind() != jsonscan.Number {
		d.Skip()
		return 0, false
	}
	n, ok = jsonscan.Int64(d.Number())
	return n, ok && n > 0 && n <= maxCount
}
