# The few commands a newcomer and CI need. Everything is installed into .venv from hash-locked files.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check bench image-test guard-stats simulate-jobs mutants-jobs kills simulate simulate-exhaustive mutants lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 22

demo: $(VENV)/.sandbox  ## Watch the whole product work on the sandbox: no account, no key, no GPU
	@$(BIN)/python -m ert_deploy.sandbox.model
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/run

test: $(VENV)/.dev  ## Run every test
	@$(BIN)/python -m ert_deploy.sandbox.model
	$(BIN)/pytest -q

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

STRIKES ?= 60
kills: $(VENV)/.dev  ## Kill the real program before and after its every effect, then strike the wire with STRIKES=60 random faults
	$(BIN)/python -m tests.kills
	$(BIN)/python -m tests.kills --faults $(STRIKES)

N ?= 1000000
FAULTS ?= 3
simulate: $(VENV)/.dev  ## Play N=1000000 random histories of failures on all cores: no GPU may be lost
	$(BIN)/python -m tests.simulation -n $(N)

simulate-exhaustive: $(VENV)/.dev  ## Play every history with up to FAULTS=3 faults (the third: money and state only)
	$(BIN)/python -m tests.simulation --faults $(FAULTS)

mutants: $(VENV)/.dev  ## Break the product on purpose and see that the simulator notices every break
	$(BIN)/python -m tests.simulation.mutants

image-test: $(VENV)/.dev  ## Build the GPU image with Docker, run it, push it to a registry on loopback (ERT_IMAGE_BASE: another base)
	ERT_IMAGE_TEST=1 $(BIN)/pytest -q tests/image

GUARDS ?= 1000
guard-stats: $(VENV)/.dev  ## Let GUARDS=1000 machines stop themselves while 30 % of the calls fail: p50, p99, p99.9
	PYTHONPATH=.:images/llm-backend $(BIN)/python -m tests.guard_stats -n $(GUARDS)

SCHEDULES ?= 100000
simulate-jobs: $(VENV)/.dev  ## Play SCHEDULES=100000 schedules of reports, stops, kills and moves: none lost, doubled or cut
	PYTHONPATH=.:images/llm-backend:images/dashboard $(BIN)/python -m tests.job_schedules -n $(SCHEDULES)

mutants-jobs: $(VENV)/.dev  ## Break the backend on purpose and see that the schedules notice every break
	PYTHONPATH=.:images/llm-backend:images/dashboard $(BIN)/python -m tests.job_schedules.mutants

lock: $(VENV)/.dev  ## Renew the hash-locked dependency files
	bash requirements/lock

clean:  ## Remove everything that was built or installed here
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
