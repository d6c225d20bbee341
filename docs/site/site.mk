# The site of the documentation; included by the Makefile.

SITE := bin/site

.PHONY: site site-version

site: $(SITE)/installed ## Build the documentation as a site in bin/site/html, and check its links (needs Python)
	NO_MKDOCS_2_WARNING=1 $(SITE)/venv/bin/mkdocs build --strict --config-file docs/site/mkdocs.yml
	@echo '$(SITE)/html/index.html'

# The branch gh-pages has a folder for each version. Push it to publish.
site-version: $(SITE)/installed ## Add the site of a version to the branch gh-pages (VERSION=1.2)
	PATH="$(CURDIR)/$(SITE)/venv/bin:$$PATH" mike deploy --config-file docs/site/mkdocs.yml --update-aliases '$(VERSION)' latest
	PATH="$(CURDIR)/$(SITE)/venv/bin:$$PATH" mike set-default --config-file docs/site/mkdocs.yml latest

$(SITE)/installed: docs/site/requirements.txt
	rm -rf $(SITE)
	mkdir -p $(SITE)
	python3 -m venv $(SITE)/venv
	$(SITE)/venv/bin/pip install --quiet --require-hashes --only-binary=:all: -r $<
	touch $@
