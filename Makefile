# One command each. `make demo` and `make test` need Python 3.11+ and nothing else; they set up .venv themselves.
#
#   make demo ARGS="--orders 500 --exit"      make test ARGS="-k webhook"      PYTHON=/path/to/python3.13 make test

VENV ?= .venv
BIN  := $(VENV)/bin
SAY  := @printf 'packhouse: %s\n'
ARGS ?=

# Exact versions with hashes: nothing is installed that the lock files do not name.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup demo test simulate lint types floors docs bench fmt lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nArguments go in ARGS, for example: make demo ARGS="--orders 200 --exit"\n'

setup: $(VENV)/.dev ## Make .venv with everything in it; the other targets do so by themselves

demo: $(VENV)/.runtime ## Watch paid orders become labels: a sandbox store and carrier, and the daemon
	@$(BIN)/packhouse demo $(ARGS)

# All of them side by side; some, one after the other, so that -s shows what they print.
test: $(VENV)/.dev ## Run the tests
	$(SAY) "running the tests"
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --maxprocesses 4 --dist worksteal)

SEEDS ?= 1000
simulate: $(VENV)/.dev ## Live through SEEDS seeds of crashes, faults and meddling, and check every promise
	@$(BIN)/python -m tests.simulation run $(SEEDS) $(ARGS)

lint: $(VENV)/.dev ## Check style: ruff's rules and its format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types: mypy, strict
	@$(BIN)/mypy

floors: $(VENV)/.dev ## Check that imports point one way (the floors are in pyproject.toml)
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/.dev ## Write the generated parts of docs/ and check all of it
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/check.py

bench: $(VENV)/.dev ## Measure orders a second, latency and memory
	@$(BIN)/python -m tests.bench $(ARGS)

fmt: $(VENV)/.dev ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.dev ## Write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(SAY) "resolving versions"
	@$(PIP_INSTALL) 'uv>=0.13,<0.14'
	@BIN=$(BIN) sh .ci/lock $(ARGS)

clean: ## Remove .venv, caches and what the demo left
	@rm -rf $(VENV) demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find service cli tests docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/bin/pip:
	@VENV=$(VENV) PYTHON="$(PYTHON)" sh .ci/venv

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(VENV)/bin/pip
	$(SAY) "installing what Packhouse needs, as locked in requirements.lock (about a minute the first time)"
	@$(PIP_INSTALL) --require-hashes -r requirements-build.lock -r requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(SAY) "installing what the tests need, as locked in requirements-dev.lock"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
