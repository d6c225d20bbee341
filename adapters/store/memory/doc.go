// Package memory is the document store of a single process: it holds everything
// in memory and loses it at the end. It is the default (store.url "memory:").
//
// Several handles on one [Backend] behave like the nodes of a fleet on a shared
// store, within one process: for tests.
package memory
