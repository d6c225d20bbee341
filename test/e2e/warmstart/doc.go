// Package warmstart tests the proxy with a store in a local file, as a real
// process: what it serves after a restart while upstream is away, what is left
// after it was killed in the middle of writing, what becomes of files that cannot
// be used, and how often it writes.
//
// EDGE_PROXY_KILL_ROUNDS is how often the proxy is killed, 8 times unless set.
package warmstart
