// Package rediscontainers starts real Redis servers in containers for tests: a
// single server, one with TLS and an ACL user, a Cluster of three, and a master
// with replica and Sentinels. Each function returns when the servers answer, and
// takes them away at the end of the test.
//
// The containers share the host's network and listen on ports of 127.0.0.1 that
// stay the same when a server is stopped and started again: Cluster nodes and
// Sentinels tell clients each other's addresses, and only so do these mean the
// same to the servers, to tests and to containers on the host's network. This
// takes a Docker engine on the machine that runs the tests.
//
// A test that cannot get its containers fails.
//
// All of it has the build tag integration: compiling the client of the Docker
// engine takes longer than many of the tests that do without.
package rediscontainers
