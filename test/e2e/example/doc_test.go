// Package example_test builds and tests the example of a store of one's own, in
// docs/examples/filestore, as its author would: as a module of its own that imports
// this one. It then runs the proxy with that store built in.
package example_test
