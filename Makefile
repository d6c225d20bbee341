# The commands of this project, which the README names and CI runs. `make help`
# lists them.

GO        ?= go
PORT      ?= 8000
IMAGE     ?= edge-proxy:latest
FUZZTIME  ?= 30s
FUZZJOBS  ?= 2
BENCH     ?= .
BENCHTIME ?= 100ms
# How often test-full kills stores in the middle of a write. test-integration does
# so a few times.
KILL_ROUNDS ?= 200
# The architecture of the image, and the tool that makes releases.
ARCH       ?= $(shell $(GO) env GOARCH)
GORELEASER ?= github.com/goreleaser/goreleaser/v2@v2.16.0

# Where and how `make mutate` changes the code; see test/mutation.
MUTATE  ?= ./domain
# CHANGES is how many of each package, 0 for all, and MATCH a regular expression.
CHANGES ?= 0
MATCH   ?=

# The checker of known vulnerabilities and its database.
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB      ?= https://vuln.go.dev

# -buildvcs: the version command shows the commit, for any GOFLAGS.
BUILDFLAGS := -trimpath -buildvcs=auto -ldflags='-s -w'
SAMPLE     := $(CURDIR)/docs/sample
# The race detector needs a C compiler. CI must have one.
RACE := $(shell command -v $$($(GO) env CC | cut -d' ' -f1) >/dev/null 2>&1 && echo -race)
# The race detector makes every program sleep for a second before it exits, unless told otherwise.
export GORACE ?= atexit_sleep_ms=10
# How many packages are tested at once: one more than there are processors, since some wait.
PACKAGES ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
# The tests that need a Docker engine, or as much, and their packages.
INTEGRATION_FILES = $(shell grep -rl --include='*_test.go' '^//go:build integration' .)
INTEGRATION       = $(sort $(dir $(INTEGRATION_FILES)))
INTEGRATION_OF_redis  = $(filter ./adapters/store/redis/,$(INTEGRATION))
INTEGRATION_OF_others = $(filter-out $(INTEGRATION_OF_redis),$(INTEGRATION))
INTEGRATION_TESTS = $(shell sed -nE 's/^func (Test[A-Za-z0-9_]*).*/\1/p' $(INTEGRATION_FILES) | sort -u | paste -s -d '|' -)
# Packages with benchmarks, and each fuzz function behind its package.
BENCHMARKS = $(sort $(dir $(shell grep -rl --include='*_test.go' '^func Benchmark' .)))
FUZZERS    = $(shell grep -r --include='*_test.go' '^func Fuzz' . | sed -E 's|/[^/]*:func (Fuzz[A-Za-z0-9_]*).*| \1|' | sort)

.DEFAULT_GOAL := help
.PHONY: help build run test test-nethttp test-integration integration-redis integration-others test-sdk test-full lint vulnerabilities fuzz mutate bench docs sizing image release release-check clean docker race-in-ci

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/edge-proxy, static
	CGO_ENABLED=0 $(GO) build $(BUILDFLAGS) -o bin/edge-proxy ./cmd/edge-proxy

run: build ## Serve the sample environment, offline (PORT=8000)
	@echo
	@echo 'The sample environment is served at http://localhost:$(PORT). Try, in another terminal:'
	@echo
	@echo "  curl -H 'X-Environment-Key: sample_client_key' http://localhost:$(PORT)/api/v1/flags/"
	@echo "  curl -H 'X-Environment-Key: sample_client_key' -H 'Content-Type: application/json' -d '{\"identifier\":\"ada\",\"traits\":[{\"trait_key\":\"country\",\"trait_value\":\"AT\"}]}' http://localhost:$(PORT)/api/v1/identities/"
	@echo "  curl http://localhost:$(PORT)/proxy/health/readiness"
	@echo
	@CONFIG_PATH='$(SAMPLE)/config.json' API_URL='file://$(SAMPLE)/environments' SERVER_PORT='$(PORT)' exec bin/edge-proxy

# -count=1: tests build the program themselves, which Go's cache does not notice.
# -vet=off: make lint vets everything.
# storetest takes long and would come last, with nothing left to run beside it.
test: race-in-ci ## Run the tests that need nothing but Go
	$(GO) test $(RACE) -vet=off -count=1 -p '$(PACKAGES)' ./test/storetest ./...
	@cat bin/parity/*.txt
	@[ -n '$(RACE)' ] || echo 'Without the race detector: it needs a C compiler.'
	@echo 'Not run: tests that need a Docker engine ("make test-integration"), SDKs ("make test-sdk") or a browser ("make test-page"), and most rounds of killing stores ("make test-full").'

test-nethttp: ## Run end-to-end suites with server.fast_path off
	EDGE_PROXY_TEST_FAST_PATH=off $(GO) test -count=1 ./test/e2e/parity ./test/e2e/conditional ./test/e2e/realtime ./test/e2e/reload ./test/e2e/resilience ./test/e2e/tls

test-integration: race-in-ci docker ## Run the tests that need a Docker engine, and root or sudo for a disk
	@$(MAKE) --no-print-directory --output-sync=target -j2 integration-redis integration-others
	@cat bin/matrix.txt

# The store's tests wait for Redis most of their time, so they run beside the others.
integration-redis integration-others:
	$(GO) test $(RACE) -tags integration -p 1 -count=1 -timeout 20m -run '^($(INTEGRATION_TESTS))$$' $(INTEGRATION_OF_$(subst integration-,,$@))

test-sdk: race-in-ci sdk-clients openfeature-client ## Run Flagsmith's and OpenFeature's SDKs against the proxy (needs Node.js and Python)
	$(GO) test $(RACE) -tags sdk -count=1 -parallel 4 -timeout 5m -v ./test/sdk ./test/sdk/openfeature

test-full: race-in-ci docker ## Run everything at full length (KILL_ROUNDS=200)
	EDGE_PROXY_KILL_ROUNDS=$(KILL_ROUNDS) EDGE_PROXY_TLS_ROUNDS=$(KILL_ROUNDS) EDGE_PROXY_HISTORY_ROUNDS=10 BOLT_TEST_KILLS=$(KILL_ROUNDS) $(GO) test $(RACE) -tags integration,full -p 1 -count=1 -timeout 60m ./...
	@cat bin/matrix.txt

lint: vulnerabilities ## Check formatting, vet, staticcheck, laws, licences, modules and known vulnerabilities
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags integration,full,sdk,release,deploy,page ./...
	cd docs/examples/filestore && GOFLAGS=-mod=readonly GOWORK=off $(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) tool staticcheck -tags integration,full,sdk,release,deploy,page ./...
	$(GO) test -count=1 ./test/laws ./test/licences ./docs/...
	$(GO) mod verify

# The database is on the network. Where it cannot be reached, nothing is checked and
# that is said: CI of the repository's host reaches it.
vulnerabilities: ## Look for known vulnerabilities in what the program calls (needs VULNDB)
	@if curl --silent --fail --max-time 10 --output /dev/null '$(VULNDB)/index/db.json'; \
	then $(GO) run '$(GOVULNCHECK)' -db '$(VULNDB)' ./cmd/edge-proxy; \
	elif [ -n '$(REQUIRE_VULNDB)' ]; then echo '$(VULNDB) cannot be reached.' >&2; exit 1; \
	else echo 'NOT CHECKED for known vulnerabilities: $(VULNDB) cannot be reached from here.'; fi

fuzz: ## Fuzz every fuzz function for FUZZTIME=30s each, FUZZJOBS=2 at a time
	@echo '$(FUZZERS)' | xargs -n 2 -P '$(FUZZJOBS)' sh -c '\
		output=$$($(GO) test -run "^$$" -fuzz "^$$1$$" -fuzztime "$(FUZZTIME)" -parallel 1 "$$0" </dev/null 2>&1) && state=passed || state=FAILED; \
		echo "$$state $$0 $$1"; [ $$state = passed ] || { echo "$$output"; exit 1; }'

mutate: ## Change the code of packages bit by bit and list what their tests do not notice (MUTATE=./domain, CHANGES=150, MATCH=decode.go)
	$(GO) run ./test/mutation -sample '$(CHANGES)' -match '$(MATCH)' $(MUTATE)

bench: ## Run the benchmarks (BENCH=., BENCHTIME=100ms)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -benchmem $(BENCHMARKS)

docs: ## Write the generated pages and the dashboard again
	$(GO) run ./docs/gen

sizing: ## Write the table of docs/scaling.md again; on a quiet machine
	@mkdir -p bin
	$(MAKE) --no-print-directory -s bench-sweep >bin/sweep.txt
	$(GO) run ./test/e2e/docs/sizing <bin/sweep.txt

image: docker ## Build the container image (IMAGE=edge-proxy:latest, ARCH=arm64)
	rm -rf bin/image
	mkdir -p bin/image/root bin/image/app
	CGO_ENABLED=0 GOOS=linux GOARCH='$(ARCH)' $(GO) build $(BUILDFLAGS) -o bin/image/root/edge-proxy ./cmd/edge-proxy
	chmod 755 bin/image/root bin/image/root/edge-proxy bin/image/app
	ln -s edge-proxy bin/image/root/edge-proxy-serve
	ln -s edge-proxy bin/image/root/edge-proxy-render-config
	docker build --platform 'linux/$(ARCH)' -t '$(IMAGE)' .

release: ## Build all files of a release in bin/release (SNAPSHOT=1: without a tag)
	$(MAKE) --no-print-directory chart $(if $(SNAPSHOT),,VERSION="$$(git describe --exact-match --match 'v*' | sed 's/^v//')")
	$(GO) run '$(GORELEASER)' release --clean --skip=publish $(if $(SNAPSHOT),--snapshot)
	cd bin/release && sha256sum --check --quiet SHA256SUMS && cat SHA256SUMS

release-check: workflows site ## Check the workflows and the site, build the files of a release from the last commit, and check them
	$(GO) test -tags release -count=1 -timeout 30m -v ./test/e2e/release
	$(GO) test -tags release -count=1 -v -run '^TestReleaseServesFromTheStart$$' ./test/e2e/warmstart
	cd test/e2e/release/packages && GOFLAGS=-mod=readonly GOWORK=off $(GO) vet . && GOFLAGS=-mod=readonly GOWORK=off $(GO) test -vet=off -count=1 -v .

clean: ## Remove what was built
	rm -rf bin

docker:
	@docker info >/dev/null 2>&1 || { echo 'This needs a Docker engine, and "docker info" does not reach one. "make test" needs none.' >&2; exit 1; }

race-in-ci:
	@[ -z "$$CI" ] || [ -n '$(RACE)' ] || { echo 'CI needs a C compiler for the race detector.' >&2; exit 1; }

include test/simulation/simulation.mk docs/site/site.mk test/workflows/workflows.mk test/bench/bench.mk test/sdk/sdk.mk test/sdk/openfeature/openfeature.mk test/e2e/deploy/deploy.mk test/e2e/page/page.mk
