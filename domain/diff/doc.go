// Package diff compares two environment documents by their meaning: what they make of
// flags. The order of parts, the formatting of the text and timestamps are not
// differences, and neither is anything that no answer depends on.
package diff
