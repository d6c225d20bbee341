# OpenFeature's SDKs and OFREP providers for test/sdk/openfeature, installed under
# bin/sdk as their folder pins them; included by the Makefile after test/sdk/sdk.mk.

.PHONY: openfeature-client

openfeature-client: sdk-tools $(SDKS)/openfeature/installed
	cp test/sdk/openfeature/node/*.mjs $(SDKS)/openfeature/

$(SDKS)/openfeature/installed: test/sdk/openfeature/node/package.json test/sdk/openfeature/node/package-lock.json | sdk-tools
	mkdir -p $(@D)
	cp $^ $(@D)/
	cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts
	touch $@
