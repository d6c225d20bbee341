# The test of the status page in a browser; included by the Makefile.

.PHONY: test-page page-tools

test-page: race-in-ci page-tools ## Look at the status page in a browser (needs Chromium and Redis)
	$(GO) test $(RACE) -tags page -count=1 -timeout 10m ./test/e2e/page
	@ls -1 bin/page

# CI installs a missing browser; a developer gets a message.
page-tools:
	@test/e2e/page/tools $(if $(CI),,--check)
