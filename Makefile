# Cairn: `make help` lists what there is. Everything it makes is under var/ and .venv/.
PYTHON ?= python3
PORT ?= 8000
WORLDS ?= 10000
KILLS ?= 100
EVENTS ?= 10000
VENV := .venv
BIN := $(VENV)/bin
export PORT
# Else each process compiles all of Django anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run stop reset walkthrough test prove mutate hold check lint types contract
.PHONY: openapi schema bench lock

help: ## What can be asked of make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv where present, else pip; the lock files carry hashes either way. What is never imported is not
# compiled: a third of pip's time.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make run PYTHON=python3.13"; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) …"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing from $(1) …"
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1); \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
			--require-hashes -r $(1); \
	fi
	@touch $@
endef

$(VENV)/installed: requirements.lock
	$(call install,requirements.lock)

$(VENV)/installed-dev: requirements-dev.lock
	$(call install,requirements-dev.lock)

run: $(VENV)/installed ## Serve the demo network on 127.0.0.1:$PORT (8000); Ctrl-C stops all
	@exec $(BIN)/python manage.py run

stop: $(VENV)/installed ## Stop what `make run` started, from another terminal
	@$(BIN)/python manage.py stop

reset: $(VENV)/installed ## Stop, and delete the demo's database, keys and secrets
	@$(BIN)/python manage.py stop --erase

walkthrough: $(VENV)/installed ## Tell the whole story over HTTP against the running server
	@$(BIN)/python manage.py walkthrough

test: $(VENV)/installed-dev ## All tests, on a PostgreSQL of their own, in random order
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -q

prove: $(VENV)/installed-dev ## The model over WORLDS (10000) worlds; the sweeps whole: 1 h and more
	@CAIRN_WORLDS=$(WORLDS) CAIRN_SWEEP=whole $(BIN)/python -m pytest -n auto --dist worksteal -v \
		tests/test_model.py tests/test_markers.py tests/test_firewall_orders.py

mutate: $(VENV)/installed-dev ## Weaken each rule of access in turn: a test turns red each time
	@$(BIN)/python -m tests.mutate --reach && $(BIN)/python -m tests.mutate

hold: $(VENV)/installed-dev ## Kill each worker 100 times under load; 10,000 events: KILLS, EVENTS
	@CAIRN_KILLS=$(KILLS) CAIRN_EVENTS=$(EVENTS) CAIRN_LOG_LEVEL=WARNING \
		$(BIN)/python -m pytest -v -s -p no:randomly \
		tests/test_workers_killed.py tests/test_webhooks_hold.py tests/test_events.py \
		tests/test_reads_killed.py

check: $(VENV)/installed-dev ## What CI runs: lint, types, migrations, contract, tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types contract
	@$(MAKE) --no-print-directory test

lint: $(VENV)/installed-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(VENV)/installed-dev
	@$(BIN)/mypy

contract: $(VENV)/installed-dev
	@$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # no database
	@$(BIN)/python manage.py openapi --check

openapi: $(VENV)/installed-dev ## Write openapi/v1.yaml anew; review its diff as the change itself
	@$(BIN)/python manage.py openapi

schema: $(VENV)/installed ## Write permissions/sql/catalogue.txt from a new database; review it
	@$(BIN)/python manage.py schema --write

bench: $(VENV)/installed-dev ## Ours beside the bare limit, in one run, as ratios
	@$(BIN)/python -m tests.bench

lock: ## Write the lock files anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra embedded --extra vault pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra embedded --extra vault --extra phone --extra dev -c requirements.lock pyproject.toml \
		-o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra vault --extra phone -c requirements.lock pyproject.toml -o deploy/requirements.lock
