// Package fleet tests several proxies on one Redis, as real processes with Redis
// in a container: how often they ask upstream in total, how soon all of them serve
// a change, what happens when the node that polls dies, leaves or freezes, and when
// Redis is away, hangs, is full or is wiped. Its tests have the build tag
// integration, and fail without a Docker engine.
//
// Each node reaches upstream under an address of its own, by which upstream knows
// who asks.
package fleet
