// Package filestore keeps environment documents as plain files in a directory,
// which the nodes of a fleet may share: on one host, or over a network file system
// whose locks work. It is an example of a store of one's own: a complete one, on
// nothing but the standard library, for systems that have flock.
//
// The URL is dir:///var/lib/documents, with no parameters. The directory must be
// there: it is never made. On a volume that may be unmounted, name a directory
// inside the volume: then it is away when the volume is, instead of empty.
//
// # Files
//
//	lock              locked while something is changed
//	changes           a random text, another one after each change of a document
//	records/NAME/     a document, NAME being the SHA-256 of its key
//	states/NAME/      a state, likewise
//	leases.json       all leases
//
// A key may be any text of 1,024 bytes, which no file system takes for a name; so
// names are hashes, and the keys are in the files. A document or state is two files:
//
//	head              JSON, and a checksum of it: key, version, times, size, and the
//	                  SHA-256 of the body
//	body-VERSION      the body
//
// The body is written first, under a name that is new. Then a new head takes the
// place of the old one, by renaming, which is the moment at which everything
// changes. So a reader needs no lock, a crash leaves the former document or the new
// one, and a confirmation (Touch) rewrites the few bytes of the head only.
package filestore
