// Package faults has real proxies meet the faults of docs/faults.md that no other package
// stages: a network that fails in one direction, or is slow and loses packets, a disk that
// is full or becomes read-only, a process that has no file descriptors left or is frozen, a
// wall clock that jumps.
// In each, clients get the flags that were last known, nothing older and no error,
// and what upstream has is served within the time that docs/faults.md states after the
// fault has ended.
package faults
