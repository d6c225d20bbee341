# Benchmarks of real processes and their curves; included by the Makefile. They
# need Linux, wrk (apt-get install wrk), for fleets redis-server, two cores, and a
# quiet machine for figures worth keeping. docs/performance.md tells what they measure.

BENCH_ROUNDS   ?= 5
BENCH_DURATION ?= 3s
SOAK           ?= 10m
LISTENERS      ?= 5000
PROCESSORS     ?= 0
NODES          ?= 100
ENVIRONMENTS   ?= 1000

.PHONY: bench-http bench-sweep bench-scale bench-soak bench-listeners bench-fleet bench-tls bench-smoke

bench-http: ## Compare the proxy with a bare handler (BENCH_ROUNDS=5 BENCH_DURATION=3s)
	$(GO) run ./test/bench/http -rounds '$(BENCH_ROUNDS)' -duration '$(BENCH_DURATION)'

bench-sweep: ## Peak requests a second and sweet spot of connections, by endpoint
	$(GO) run ./test/bench/http -sweep -rounds 3 -duration 2s

bench-scale: ## Curves over the size of documents, environments and memory
	$(GO) test -run '^$$' -bench 'Features|Segments|Traits|IdentityOverrides|Compile' -benchtime 200ms -cpu 1 ./test/bench/inprocess
	$(GO) test -run '^$$' -bench Parallel -benchtime 500ms -count 5 -cpu 1,2 ./test/bench/inprocess
	$(GO) run ./test/bench/scale

bench-soak: ## Load the proxy for SOAK=10m and show that nothing grows
	$(GO) run ./test/bench/scale -parts soak -duration '$(SOAK)'

bench-listeners: ## Count what LISTENERS=5000 of one node cost, how soon they and a fleet learn of changes, and what requests notice (PROCESSORS=1: of the node)
	$(GO) run ./test/bench/listeners -listeners '$(LISTENERS)' -processors '$(PROCESSORS)'

bench-tls: ## Compare TLS of the proxy with nginx: full handshakes and kept connections (needs nginx, openssl)
	$(GO) run ./test/bench/tls -rounds '$(BENCH_ROUNDS)' -duration '$(BENCH_DURATION)'

bench-fleet: ## Count what a fleet of NODES=100 with ENVIRONMENTS=1000 costs the Redis that it shares
	$(GO) run ./test/bench/fleet -nodes '$(NODES)' -environments '$(ENVIRONMENTS)'

bench-smoke: ## Run every benchmark of real processes briefly: do they still work?
	$(GO) run ./test/bench/http -smoke
	$(GO) run ./test/bench/scale -smoke -parts idle,environments,large,soak
	$(GO) run ./test/bench/listeners -smoke
	$(GO) run ./test/bench/tls -smoke
	$(GO) run ./test/bench/fleet -nodes 3 -environments 20 -interval 1s -intervals 3

pgo: ## Build bin/edge-proxy-pgo, guided by a profile that is taken first
	@mkdir -p bin
	$(GO) run ./test/bench/http -rounds 2 -duration 5s -profile bin/default.pgo
	CGO_ENABLED=0 $(GO) build $(BUILDFLAGS) -pgo=bin/default.pgo -o bin/edge-proxy-pgo ./cmd/edge-proxy
