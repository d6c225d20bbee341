// Package memory is the document store of a single process: it holds everything
// in memory and loses it at the end. It is the default (store.url "memory:").
package memory
