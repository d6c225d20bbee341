// Package release tests what a release consists of, as .goreleaser.yaml describes
// it: that every target builds, into the same bytes wherever it is built; that a
// binary says what it was built from; that its bill of materials is complete; and
// that there is an image for each architecture. The tests build a clone of the
// commit that is checked out. They take minutes, and are run by
// `make release-check`, with the build tag release; those of the images need a
// Docker engine.
package release
