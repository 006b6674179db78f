# Cairn: `make help` lists what there is. Everything it makes is under var/ and .venv/.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
export PORT
# Else each process compiles all of Django anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run stop reset walkthrough test slow prove mutate hold coverage check lint types
.PHONY: contract openapi schema bench lock

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

# Three workers: each waits now and then for its database or browser.
PYTEST := $(BIN)/python -m pytest
# In the same order each time; ORDER= for a random one (--randomly-seed=N for that of a run before).
ORDER := --randomly-seed=20261124 --randomly-dont-reorganize
SUITE := -n 3 --dist loadfile --no-loadscope-reorder -q

test: $(VENV)/installed-dev ## All tests but tests/slow, in a fixed order, on their own PostgreSQL
	@$(PYTEST) $(SUITE) $(ORDER)

slow: prove hold mutate ## All that takes long, hours of it: these three, and a large import
	@$(BIN)/python -m tests.slow.large_import

prove: $(VENV)/installed-dev ## The model over 10,000 random worlds; each sweep whole: 2 h and more
	@$(PYTEST) -n auto --dist worksteal -v $(foreach name,model markers markers_in_faults \
		firewall_orders every_cell_leaves,tests/slow/test_$(name).py)

mutate: $(VENV)/installed-dev ## Weaken each rule of access in turn: a test turns red each time
	@$(BIN)/python -m tests.mutate --reach && $(BIN)/python -m tests.mutate

hold: $(VENV)/installed-dev ## Kill each worker 100 times under load; 10,000 events
	@CAIRN_LOG_LEVEL=WARNING $(PYTEST) -v -s -p no:randomly $(foreach name,workers_killed \
		webhooks_hold events reads_killed,tests/slow/test_$(name).py)

coverage: $(VENV)/installed-dev ## Branches of the lower floors that the tests take: a figure
	@$(BIN)/coverage erase && $(BIN)/coverage run -m pytest $(SUITE) $(ORDER)
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

check: $(VENV)/installed-dev ## What CI runs: lint, types, migrations, contract, tests
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target lint types contract
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
