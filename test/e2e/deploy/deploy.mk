# The tests of docs/deploy; included by the Makefile.

.PHONY: test-deploy deploy-tools

# Not cached: what is tested is outside of the packages. The chart's tests do without
# the race detector, since Helm would have to be compiled with it.
test-deploy: race-in-ci docker deploy-tools ## Test what docs/deploy has (needs Docker with Compose, nginx, Varnish, Prometheus, Redis, systemd-analyze)
	cd test/e2e/deploy/chart && GOFLAGS=-mod=readonly GOWORK=off $(GO) vet . && GOFLAGS=-mod=readonly GOWORK=off $(GO) test -vet=off -count=1 .
	PATH="$$PATH:/usr/sbin" $(GO) test $(RACE) -tags deploy -count=1 -timeout 15m ./test/e2e/deploy
	$(GO) test $(RACE) -tags deploy -count=1 -parallel 20 -timeout 5m ./test/e2e/alerts

# CI installs missing tools; a developer gets a message.
deploy-tools:
	@test/e2e/deploy/tools $(if $(CI),,--check)
