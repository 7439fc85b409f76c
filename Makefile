# The few commands a newcomer and CI need. Everything is installed into .venv from hash-locked files.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test frontend frontend-test check bench bench-dashboard simulate simulate-exhaustive mutants lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 22

demo: $(VENV)/.sandbox  ## Watch the whole product work on the sandbox: no account, no key, no GPU
	@$(BIN)/python -m ert_deploy.sandbox.model
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/run

test: $(VENV)/.dev $(VENV)/.frontend  ## Run every test
	@$(BIN)/python -m ert_deploy.sandbox.model
	$(BIN)/pytest -q

FRONTEND := PYTHON=$(abspath $(BIN)/python) images/dashboard/frontend/npm
frontend: $(VENV)/.frontend  ## Build the dashboard's page into its package; commit the result
	$(FRONTEND) run -s types
	$(FRONTEND) run -s build

frontend-test: $(VENV)/.frontend  ## Test the page: types, units, size, and that the committed bundle is fresh
	$(FRONTEND) run -s types
	$(FRONTEND) run -s test
	$(FRONTEND) run -s size
	$(FRONTEND) run -s fresh

check: $(VENV)/.dev  ## Format, lint, types, import directions, and full branch coverage of core and engine
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q tests/core tests/engine tests/house
	$(BIN)/coverage report

bench: $(VENV)/.sandbox  ## Measure: start-up of `ert-deploy --help` against `vastai --help`
	$(BIN)/python benchmarks/startup.py

bench-dashboard: $(VENV)/.dev  ## Measure: the dashboard's memory with 50 open pages and its answers without the backend
	PYTHONPATH=. $(BIN)/python benchmarks/dashboard.py

N ?= 1000000
FAULTS ?= 2
simulate: $(VENV)/.dev  ## Play N=1000000 random histories of failures on all cores: no GPU may be lost
	$(BIN)/python -m tests.simulation -n $(N)

simulate-exhaustive: $(VENV)/.dev  ## Play every history with up to FAULTS=2 faults (3: money and state calls only)
	$(BIN)/python -m tests.simulation --faults $(FAULTS)

mutants: $(VENV)/.dev  ## Break the product on purpose and see that the simulator notices every break
	$(BIN)/python -m tests.simulation.mutants

lock: $(VENV)/.dev  ## Renew the hash-locked dependency files
	bash requirements/lock

clean:  ## Remove everything that was built or installed here
	rm -rf images/dashboard/frontend/node_modules tests/browser/screenshots
	rm -rf $(VENV) build dist *.egg-info .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ert-deploy needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# A lock that changed installs again; --no-deps because the lock is complete.
$(VENV)/.sandbox: $(VENV)/bin/python requirements/sandbox.lock pyproject.toml
	@bash requirements/openmp
	$(BIN)/pip install -q --no-deps --require-hashes -r requirements/sandbox.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.sandbox requirements/dev.lock
	$(BIN)/pip install -q --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

# The page's packages, by the hashes of their lock; no script of theirs runs.
$(VENV)/.frontend: $(VENV)/.dev images/dashboard/frontend/package-lock.json
	$(FRONTEND) ci --no-progress
	@touch $@
