# The audit of .github; included by the Makefile.

ACTIONLINT ?= github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: workflows

workflows: bin/workflows/installed ## Check the workflows by actionlint and zizmor (needs Python)
	$(GO) run '$(ACTIONLINT)'
	bin/workflows/venv/bin/zizmor --offline --quiet .github

bin/workflows/installed: test/workflows/requirements.txt
	rm -rf $(@D)
	mkdir -p $(@D)
	python3 -m venv $(@D)/venv
	$(@D)/venv/bin/pip install --quiet --require-hashes --only-binary=:all: -r $<
	touch $@
