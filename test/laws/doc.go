// Package laws holds the laws of the code's structure as tests: which package may
// import which, and what no package may do. A violation is printed with the
// law's reason; docs/architecture.md explains them together.
package laws
