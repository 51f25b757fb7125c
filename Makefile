# make demo | make test | make lint | make test-st2 | make bench | make chaos | make outages
# Everything is installed into a virtual environment inside the checkout; nothing else is touched.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# One environment for each version of Python; .venv leads to the one that was used last.
VENV := .venv-$(VERSION)
RUN := $(VENV)/bin/python
DONE := $(VENV)/.installed
TESTS ?= tests

# Where OpenLDAP's headers are, the tests can ask a real LDAP server (Debian: slapd).
LDAP := $(if $(wildcard /usr/include/ldap.h),$(VENV)/.ldap-installed)

# Slack's own clients for Node, in a hidden folder: the checks of the pack's files leave it out.
NODE_CLIENTS := .node-tests/.installed

.PHONY: demo test lint test-st2 bench chaos outages generate pictures page-picture clean venv \
  node-clients

venv: $(DONE) $(LDAP)
	@ln -sfn $(VENV) .venv

$(DONE): requirements.txt requirements-tests.txt requirements-st2client.txt
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the tests and the demo need into $(VENV) …"
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-tests.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-st2client.txt
	@touch $@

$(VENV)/.ldap-installed: requirements-ldap.txt $(DONE)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-ldap.txt || \
	  echo "python-ldap cannot be built here: the tests of LDAP groups will say so."
	@touch $@

node-clients: $(NODE_CLIENTS)

$(NODE_CLIENTS): tests/node/package.json
	@echo "Installing Slack's clients for Node into .node-tests …"
	@rm -rf .node-tests && mkdir .node-tests && cp tests/node/package.json .node-tests
	@cd .node-tests && npm install --no-package-lock --ignore-scripts --no-audit --no-fund \
	  --loglevel=error
	@touch $@

demo: venv
	@$(RUN) -m sandbox demo

# Four workers: the tests wait more than they compute. WORKERS=0 runs them one after the other.
WORKERS ?= 4
test: venv
	$(RUN) -m pytest $(TESTS) -n $(WORKERS) --dist worksteal

lint: venv
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m flake8 --max-line-length 100 --select E,F,W,C \
	  --ignore E128,E402,E722,W504,E203,W503 $(wildcard */)
	find $(wildcard actions sensors etc) -name '*.py' -print0 | \
	  PYTHONPATH=actions/lib:sandbox/stackstorm/stubs xargs -0 $(RUN) -m pylint -E
	$(RUN) bin/exchange_checks.py
	$(RUN) bin/draw_pictures.py --check
	$(RUN) bin/generate_actions.py --check

generate: venv
	$(RUN) bin/generate_actions.py

# The pictures of README; the terminals in them are recorded.
pictures: venv
	$(RUN) bin/draw_pictures.py

# The page of the Slack on loopback; Debian's chromium draws it.
page-picture: venv
	$(RUN) bin/draw_page.py

# The same suite on the real StackStorm: ST2_REPO_PATH is a checkout of StackStorm/st2,
# ST2_PYTHON an interpreter with its requirements (default: the checkout's own virtualenv).
ST2_PYTHON ?= $(ST2_REPO_PATH)/virtualenv/bin/python
test-st2:
	@test -n "$(ST2_REPO_PATH)" || { echo "Set ST2_REPO_PATH to a checkout of StackStorm/st2."; exit 2; }
	@test -x "$(ST2_PYTHON)" || { echo "Set ST2_PYTHON to a Python with StackStorm's requirements."; exit 2; }
	bin/test-st2 "$(ST2_REPO_PATH)" "$(ST2_PYTHON)" $(TESTS)

# Faults, kills, bursts; with Slack's limits as well, where catching up takes its time: hours, so not
# in the gate (tests/test_chaos_small.py is). CHAOS has options: python -m tools.chaos --help.
CHAOS ?= --eventlet
chaos: venv
	PYTHONPATH=.:actions:actions/lib $(RUN) -m tools.chaos $(CHAOS)

# A whole StackStorm whose database, message bus and API are stopped under load: ST2BED is its folder,
# ST2BED_TOOLS the one of the scripts that start and stop it (up.sh, down.sh, reload.sh).
outages: venv
	PYTHONPATH=.:actions:actions/lib $(RUN) -m tools.outages --tools "$(ST2BED_TOOLS)"

bench: venv
	PYTHONPATH=.:actions:actions/lib $(RUN) -m tools.bench

clean:
	rm -rf .venv .venv-* .node-tests .sandbox .pytest_cache .mypy_cache .ruff_cache .hypothesis
