// Package sse sends server-sent events about new documents to listeners.
//
// A listener may stay for days. So a stream takes its connection over from the HTTP
// server, which would keep several times the memory for it, and lets go of the
// request. [Streams] runs all streams of a proxy and ends them.
package sse
