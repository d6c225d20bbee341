// Package http1 serves HTTP/1.1 in front of an [http.Server], for less.
//
// Nearly all that clients of an interface like the proxy's send is plain: a whole
// request of a few hundred bytes on a connection that is kept. The package answers
// such requests itself, with the handler of the http.Server: it waits for the whole
// request, reads it strictly (see parser), and sends the answer with one system
// call. Whatever else comes goes to the http.Server, together with its connection
// and with all that was read of it: other versions, chunked, long and interrupted
// bodies, expectations, upgrades, odd spellings, what is no HTTP at all. So there is
// one judge of what a request is, and it is net/http.
//
// Handlers are ordinary ones. What differs from net/http is that memory is used
// again, that a handler is not told when its client goes away, and that an answer
// without a declared length is sent when its handler returns:
// [Server] has the details.
package http1
