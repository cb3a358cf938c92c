# Two commands do everything, set-up included: `make demo` and `make test`.

PYTHON ?= python3
PIPENV_VERSION := 2026.10.3

# Pipenv makes .venv here, whatever environment is active and wherever it would put it.
export PIPENV_VENV_IN_PROJECT := 1
export PIPENV_IGNORE_VIRTUALENVS := 1
export PIPENV_VERBOSITY := -1

PIPENV := "$(CURDIR)/.pipenv/bin/pipenv"
BIN := .venv/bin
SOURCES := main.py cli constructs lambda tests tools docs benchmarks
# In the order in which they are named: pytest-xdist would begin with files that have many tests,
# and those with a single long one, such as a deployment of every rule, would end alone.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help setup chromium demo test pr lint types levels unit engine commands e2e coverage screenshots docs format lock synth clean

help: ## Show the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /  \1\t/' | expand -t 14

setup: .venv/.ready ## Make the environment from Pipfile.lock

.pipenv/.ready: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=... names another")'
	$(PYTHON) -m venv --clear .pipenv
	.pipenv/bin/python -m pip install --quiet --disable-pip-version-check pipenv==$(PIPENV_VERSION)
	@touch $@

.venv/.ready: .pipenv/.ready Pipfile Pipfile.lock pyproject.toml
	$(PIPENV) --python "$(CURDIR)/.pipenv/bin/python" sync --dev
	@touch $@

tools/audit/.venv/.ready: .pipenv/.ready tools/audit/Pipfile tools/audit/Pipfile.lock
	cd tools/audit && $(PIPENV) --python "$(CURDIR)/.pipenv/bin/python" sync
	@touch $@

node_modules/.ready: .venv/.ready package.json package-lock.json
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The tests of the report's page need a browser; where apt-get may install it, nobody else has to.
chromium: .venv/.ready
	@cd tools && ../$(BIN)/python -c 'import chromium; chromium.find_chromium()' 2> /dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get update -qq && \
	    apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } || \
	  { cd tools && ../$(BIN)/python -c 'import chromium; chromium.find_chromium()'; }

demo: .venv/.ready ## Deploy to an embedded AWS, evaluate sample resources, report, destroy
	@$(BIN)/assay demo $(DEMO_OPTIONS)

test: lint types levels coverage ## Every check and every test level

pr: test ## What CI runs for a pull request

lint: .venv/.ready ## Style and format
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: .venv/.ready ## Types, strictly
	$(BIN)/mypy

# Deployments and commands mostly wait, so the levels run beside one another.
levels: .venv/.ready tools/audit/.venv/.ready node_modules/.ready chromium
	rm -f .coverage .coverage.*
	+@$(MAKE) --no-print-directory --jobs=3 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) e2e commands engine

unit: engine commands ## Test levels that need no Terraform deployment

# The matrix of faults takes as long as the rest, and twice as long measured, but for its thousand
# runs no statement more is covered.
engine: .venv/.ready
	$(BIN)/pytest tests/lambda/faults --numprocesses 2
	$(BIN)/coverage run -m pytest tests/lambda --ignore tests/lambda/faults --numprocesses 2

# What takes longest comes first.
commands: .venv/.ready node_modules/.ready chromium
	$(BIN)/coverage run -m pytest tests/cli tests/browser tests/project tests/constructs --numprocesses 2 $(BY_FILE)

e2e: .venv/.ready tools/audit/.venv/.ready node_modules/.ready ## Deploy with real Terraform to an embedded AWS
	$(BIN)/coverage run -m pytest tests/e2e --numprocesses 4 $(BY_FILE)

coverage: .venv/.ready ## Coverage over the levels that ran
	$(BIN)/coverage combine
	$(BIN)/coverage report

screenshots: .venv/.ready chromium ## Make the pictures of the demonstration's report for the README
	$(BIN)/python tools/screenshots.py

docs: .venv/.ready ## Write the generated pages
	$(BIN)/python docs/generate.py

format: .venv/.ready ## Format and mend what can be mended
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

lock: .pipenv/.ready ## Lock dependencies anew, naming no package index
	$(PYTHON) tools/lock.py $(PIPENV) .
	$(PYTHON) tools/lock.py $(PIPENV) tools/audit
	npm install --package-lock-only --omit-lockfile-registry-resolved

synth: .venv/.ready ## Synthesize all environments to cdktf.out
	$(BIN)/python main.py

clean: ## Remove everything that the targets made
	rm -rf .venv .pipenv tools/audit/.venv node_modules cdktf.out cdktf.*.out .assay
