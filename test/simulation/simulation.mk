# Simulated fleets; included by the Makefile. docs/simulation.md describes them.

SEEDS    ?= 500
FIRST    ?= 0
SEED     ?=
SIMJOBS  ?= 2

.PHONY: simulate simulate-bugs

# One processor for each process, so that a history depends on as little as possible of Go's
# scheduler.
simulate: ## Simulate fleets with faults (SEEDS=500, FIRST=0), or show one history (SEED=17)
	$(GO) test -c -vet=off -o bin/simulation.test ./test/simulation
ifeq ($(SEED),)
	seq 0 $$(($(SIMJOBS)-1)) | xargs -P '$(SIMJOBS)' -I '{}' sh -c \
		'GOMAXPROCS=1 EDGE_PROXY_SIMULATION_FIRST=$$(($(FIRST)+{})) EDGE_PROXY_SIMULATION_STEP=$(SIMJOBS) EDGE_PROXY_SIMULATION_SEEDS=$$(($(SEEDS)-{})) bin/simulation.test -test.timeout 0 -test.run "^TestSimulation$$"'
else
	GOMAXPROCS=1 EDGE_PROXY_SIMULATION_SEED=$(SEED) bin/simulation.test -test.v -test.run '^TestSeed$$'
endif

simulate-bugs: ## Put bugs into the proxy, and write which seeds find them into docs/simulation.md
	EDGE_PROXY_SIMULATION_BUGS=1 $(GO) test -vet=off -count=1 -timeout 60m -v -run '^TestBugs$$' ./test/simulation
