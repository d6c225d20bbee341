# Flagsmith's SDKs for test/sdk, installed under bin/sdk as their folders pin them;
# included by the Makefile.

SDKS := bin/sdk

.PHONY: sdk-tools sdk-clients

# What is missing is told before anything is installed.
sdk-tools:
	@missing() { echo "The tests with Flagsmith's SDKs need $$1. \"make test\" runs what does without." >&2; exit 1; }; \
	command -v node >/dev/null && command -v npm >/dev/null || missing 'Node.js 20.19 or newer with npm'; \
	node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' || \
		missing "Node.js 20.19 or newer (there is $$(node --version))"; \
	command -v python3 >/dev/null || missing 'Python 3.10 or newer (python3)'; \
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || missing "Python 3.10 or newer (there is $$(python3 --version))"; \
	python3 -c 'import venv, ensurepip' 2>/dev/null || missing "Python's venv (the package python3-venv on Debian)"

sdk-clients: sdk-tools $(SDKS)/node/installed $(SDKS)/javascript/installed $(SDKS)/python/installed
	cp test/sdk/node/*.mjs $(SDKS)/node/
	cp test/sdk/javascript/*.mjs $(SDKS)/javascript/
	cp test/sdk/python/*.py $(SDKS)/python/
	cd test/sdk/go && GOFLAGS=-mod=readonly GOWORK=off $(GO) build -o '$(CURDIR)/$(SDKS)/go/client' . && GOFLAGS=-mod=readonly GOWORK=off $(GO) vet .

$(SDKS)/%/installed: test/sdk/%/package.json test/sdk/%/package-lock.json | sdk-tools
	mkdir -p $(@D)
	cp $^ $(@D)/
	cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

$(SDKS)/python/installed: test/sdk/python/requirements.txt | sdk-tools
	rm -rf $(@D)/venv
	mkdir -p $(@D)
	python3 -m venv $(@D)/venv
	$(@D)/venv/bin/pip install --quiet --require-hashes --only-binary=:all: -r $<
	touch $@
