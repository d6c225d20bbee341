// Package licences holds the licences of all modules that the program or its tests
// are built from to an allow list. It reads the licence files in the module cache.
package licences
