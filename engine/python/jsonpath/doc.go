// Package jsonpath finds values by JSONPath (RFC 9535), with the answers of the
// parser that Flagsmith's Python engine uses:
//
//   - Objects keep the order of their members, so that the first match is the
//     same one.
//   - A name after a dot may hold hyphens: $.identity.traits.user-id.
//   - In a filter, a bare @ that is no object and no list counts as its truth in
//     Python: 0, "" and false do not hold.
//   - Booleans have an order, before and among numbers: false is 0, true is 1.
//
// What that parser refuses by an error other than one of syntax, such as an
// index beyond 2⁵³ or a comparison with many nodes, is refused here too.
package jsonpath
