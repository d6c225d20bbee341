// Package jsonpath finds values by JSONPath (RFC 9535). It follows the library that
// Flagsmith's Python engine uses:
//
//   - Objects keep the order of their members, so that the first match is the
//     same one.
//   - A name after a dot may hold hyphens: $.identity.traits.user-id.
//   - In a filter, a bare @ has Python's truth value unless it is an object or a
//     list: 0, "" and false do not hold.
//   - Booleans have an order, before and among numbers: false is 0, true is 1.
//
// Parse also refuses paths for which that library raises an error other than one of
// syntax, such as an index beyond 2⁵³ or a comparison with many nodes.
package jsonpath
