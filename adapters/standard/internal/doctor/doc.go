// Package doctor examines everything that the proxy needs to work: its configuration,
// the network and the API, the store, the documents, the machine, and a proxy that runs
// here. It changes nothing but a record of its own in the store, which it removes again.
//
// A check is one question. Its result says what was found, why that matters and what to
// do. What is checked is in catalog.go; the checks of one subject are in the file named
// after it.
package doctor
