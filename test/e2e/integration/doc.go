// Package integration runs the container image with every store against every
// kind of upstream, as an operator would: real Redis servers of each form, bbolt
// on a volume, and a Flagsmith API that pages, that answers conditional requests,
// or that fails. Its test has the build tag integration and takes a Docker engine
// on the machine that runs it, see package rediscontainers.
//
// Each combination tells the whole story of a node:
//
//   - cold start: the first document arrives, whatever upstream does at first
//   - change: a new document is served, and nothing but it or the former before
//   - override gone: an identity loses its override, and no other does
//   - restart: the container is stopped in good order and started again; what the
//     store has need not be fetched
//   - second node, with Redis only: a node that comes later follows the store, and
//     both are part of all that comes
//   - failover, behind Sentinels only: the master is killed
//   - outage: upstream goes; the first node is killed and replaced by a new one,
//     which serves what the store has, or says that it has nothing; upstream returns
//     with a change
//
// A table of all steps and what they took is logged at the end and left in
// bin/matrix.txt.
//
// Variables of the environment:
//
//	EDGE_PROXY_IMAGE   the image to test, instead of one built from this checkout
package integration
