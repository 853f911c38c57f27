# `make demo` and `make test` need only Python 3.11 or newer. Every target sets up .venv when it is missing.
#
#   make demo ARGS="--orders 500 --exit"      make test ARGS="-k webhook"      PYTHON=/path/to/python3.13 make test

VENV ?= .venv
BIN  := $(VENV)/bin
SAY  := @printf 'packhouse: %s\n'
ARGS ?=

# Exact versions with hashes: pip installs only what the lock files name.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup demo test simulate mutate lint types layers docs bench peers fmt lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nArguments go in ARGS, for example: make demo ARGS="--orders 200 --exit"\n'

setup: $(VENV)/.dev ## Create .venv with all dependencies; the other targets do so when needed

demo: $(VENV)/.runtime ## Run the daemon with a sandbox store and a sandbox provider
	@$(BIN)/packhouse demo $(ARGS)

# Without ARGS, all tests run in parallel. With ARGS, tests run one after another, so that -s shows their output.
test: $(VENV)/.dev ## Run the tests
	$(SAY) "running the tests"
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --maxprocesses 4 --dist worksteal)

SEEDS ?= 1000
simulate: $(VENV)/.dev ## Simulate SEEDS runs of crashes, faults and operations, and check every promise
	@$(BIN)/python -m tests.simulation run $(SEEDS) $(ARGS)

mutate: $(VENV)/.dev ## Plant small mistakes in the code that moves money, and report which ones no test notices
	@$(BIN)/python -m tests.mutation $(ARGS)

lint: $(VENV)/.dev ## Check style: ruff's rules and its format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types: mypy, strict
	@$(BIN)/mypy

layers: $(VENV)/.dev ## Check that imports point one way (the layers are in pyproject.toml)
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/.dev ## Write the generated parts of docs/ and check every page
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/check.py

bench: $(VENV)/.dev ## Measure orders a second, latency and memory
	@$(BIN)/python -m tests.bench $(ARGS)

# The engines have a virtual environment of their own: Packhouse needs none of their packages.
PEERS := tests/bench/engines/requirements.lock
MEASURED := docs/performance/peers
peers: $(VENV)/.dev .venv-bench/.engines ## Measure Packhouse next to job queues and workflow engines, and write docs/performance
	@$(BIN)/python -m tests.bench peers $(or $(ARGS),--orders 1000 --rounds 5 --json $(MEASURED).json --chart $(MEASURED).png)
	@$(BIN)/python docs/generate.py

fmt: $(VENV)/.dev ## Format the code and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.dev ## Write the lock files from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(SAY) "resolving versions"
	@$(PIP_INSTALL) 'uv>=0.13,<0.14'
	@BIN=$(BIN) sh .ci/lock $(ARGS)

clean: ## Remove .venv, caches and the demo's files
	@rm -rf $(VENV) .venv-bench demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutation build dist
	@find service cli tests docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/bin/pip:
	@VENV=$(VENV) PYTHON="$(PYTHON)" sh .ci/venv

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(VENV)/bin/pip
	$(SAY) "installing the dependencies from requirements.lock (about a minute the first time)"
	@$(PIP_INSTALL) --require-hashes -r requirements-build.lock -r requirements.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(SAY) "installing the test dependencies from requirements-dev.lock"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

.venv-bench/bin/pip:
	@VENV=.venv-bench PYTHON="$(PYTHON)" sh .ci/venv

.venv-bench/.engines: $(PEERS) | .venv-bench/bin/pip
	$(SAY) "installing the engines from $(PEERS) into .venv-bench"
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(PEERS)
	@touch $@
