// Package sse sends server-sent events about new documents to listeners.
//
// A listener may stay for days. So a stream takes its connection over from the HTTP
// server, which would keep several times the memory for it, and lets go of the
// request (taken.go). With HTTP/2 it cannot: the stream is an answer that does not end, and
// its handler waits (shared.go). [Streams] runs all streams of a proxy and ends them.
//
// All streams about one environment belong to a topic, which passes updates on to them in
// batches (topic.go), so that tens of thousands of listeners do not hold up requests.
package sse
