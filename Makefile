# make run    sets everything up and opens the app
# make test   sets everything up and passes the tests
# make assets draws the pictures of the README and of the gallery
# make lock   writes requirements.lock anew, with the newest versions that pyproject.toml allows

SHELL := /bin/bash
VENV := .venv
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

run: $(VENV)/.installed
	@$(VENV)/bin/zoomout || test $$? -eq 130

test: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	@if command -v node >/dev/null; then node --test tests/stage/*.test.mjs; \
	else echo "Node is not installed: the unit tests of the stage's JavaScript are skipped."; fi
	$(VENV)/bin/python -m pytest

# The exact versions of requirements.lock constrain what pyproject.toml asks for; the stamps make a second start instant.
$(VENV)/.installed: pyproject.toml requirements.lock
	@$(MAKE) --no-print-directory environment
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(INSTALL) -e . --group dev
	@touch $@

ifneq ($(UV),)
INSTALL = $(UV) pip install --quiet --python $(VENV) --constraint requirements.lock
environment:
	@echo "Setting up $(VENV) with uv; this happens once."
	@test -x $(VENV)/bin/python || $(UV) venv --quiet --allow-existing --python '>=3.11' $(VENV)
else
INSTALL = $(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --constraint requirements.lock
environment:
	@test -n "$(PYTHON)" || { echo "zoomout needs Python 3.11 or newer; install it, or name it: make run PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); this happens once and takes a minute."
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
endif

lock: $(VENV)/.installed-dev
	@$(INSTALL) uv
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --group dev \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

cards: $(VENV)/.installed
	$(VENV)/bin/python -m app.gallery.cards

assets: $(VENV)/.installed cards
	$(VENV)/bin/python assets/make.py

clean:
	rm -rf $(VENV) dist .pytest_cache .ruff_cache .hypothesis

.PHONY: run test environment lock cards assets clean
