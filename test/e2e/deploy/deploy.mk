# The tests of docs/deploy; included by the Makefile.

HELM_DOCS ?= github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2
CHART     := docs/deploy/helm/edge-proxy
VERSION   ?= 0.0.0-snapshot

.PHONY: test-deploy deploy-tools chart chart-readme

chart: ## Pack the Helm chart in bin/chart (VERSION=1.2.3)
	rm -rf bin/chart
	mkdir -p bin/chart
	cd test/e2e/deploy/chart && GOFLAGS=-mod=readonly GOWORK=off $(GO) run ./pack '$(VERSION)' '$(CURDIR)/bin/chart'

chart-readme: ## Write the README of the Helm chart again, from its values
	$(GO) run '$(HELM_DOCS)' --chart-search-root '$(CHART)' --log-level warning

# Not cached: what is tested is outside of the packages. The chart's tests do without
# the race detector, since Helm would have to be compiled with it.
test-deploy: race-in-ci docker deploy-tools ## Test what docs/deploy has (needs Docker with Compose, nginx, Varnish, Prometheus, Redis, systemd-analyze)
	cd test/e2e/deploy/chart && GOFLAGS=-mod=readonly GOWORK=off $(GO) vet ./... && GOFLAGS=-mod=readonly GOWORK=off $(GO) test -vet=off -count=1 ./...
	@$(GO) run '$(HELM_DOCS)' --chart-search-root '$(CHART)' --log-level warning --dry-run | diff - '$(CHART)/README.md' || { echo 'make chart-readme writes it again.' >&2; exit 1; }
	PATH="$$PATH:/usr/sbin" $(GO) test $(RACE) -tags deploy -count=1 -timeout 15m ./test/e2e/deploy
	$(GO) test $(RACE) -tags deploy -count=1 -parallel 20 -timeout 10m ./test/e2e/alerts

# CI installs missing tools; a developer gets a message.
deploy-tools:
	@test/e2e/deploy/tools $(if $(CI),,--check)
