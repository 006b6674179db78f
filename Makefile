# Cairn: `make help` lists what there is. Everything it makes is under var/ and .venv/.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
export PORT
# Without this, each process compiles all of Django again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run stop reset walkthrough test whole record fast static
.PHONY: slow prove counts mutate hold times browsers screenshots coverage check
.PHONY: fuzz fhir flat crowds restores drill install-drill backup-drill image image-test sbom
.PHONY: lint types contract clients openapi schema messages bench load scale lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv where present, else pip; the lock files carry hashes either way. pip does not compile modules
# that are never imported, which saves a third of its time. The second word is the environment.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make run PYTHON=python3.13"; exit 1; }
	@test -x $(2)/bin/python || { echo "Making $(2) …"; $(PYTHON) -m venv $(2); }
	@echo "Installing from $(1) …"
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(2)/bin/python --require-hashes -r $(1); \
	else \
		$(2)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
			--require-hashes -r $(1); \
	fi
	@touch $@
endef

# Node's tools run no script of their own when they are installed (--ignore-scripts).
NODE := var/node
$(NODE)/installed: openapi/checks/package.json openapi/checks/package-lock.json
	@command -v npm >/dev/null \
		|| { echo "npm is needed, with Node 20.19 or newer: make clients"; exit 1; }
	@mkdir -p $(NODE) && cp openapi/checks/package.json openapi/checks/package-lock.json $(NODE)
	@echo "Installing from openapi/checks/package-lock.json …"
	@npm ci --prefix $(NODE) --ignore-scripts --engine-strict --no-audit --no-fund --silent
	@touch $@

$(VENV)/installed: requirements.lock
	$(call install,requirements.lock,$(VENV))

$(VENV)/installed-dev: requirements-dev.lock
	$(call install,requirements-dev.lock,$(VENV))

# What the benchmark compares with, in an environment of its own.
PEERS := var/peers
$(PEERS)/installed: tests/bench/peers/requirements.lock
	$(call install,tests/bench/peers/requirements.lock,$(PEERS))

run: $(VENV)/installed ## Serve the demo network on 127.0.0.1:$PORT (8000); Ctrl-C stops all
	@exec $(BIN)/python manage.py run

stop: $(VENV)/installed ## Stop what `make run` started, from another terminal
	@$(BIN)/python manage.py stop

reset: $(VENV)/installed ## Stop, and delete the demo's database, keys and secrets
	@$(BIN)/python manage.py stop --erase

walkthrough: $(VENV)/installed ## Run the whole story over HTTP against the running server
	@$(BIN)/python manage.py walkthrough

# Three workers, because each waits now and then for its database or browser.
PYTEST := $(BIN)/python -m pytest
# In the same order each time. ORDER= takes a random one; --randomly-seed=N repeats it.
ORDER := --randomly-seed=20261124 --randomly-dont-reorganize
# What fails for want of time alone is tried again (tests/support/ground/again.py).
AGAIN := $(BIN)/python -m tests.support.ground.again
SUITE := -n 3 --dist loadfile --no-loadscope-reorder -q
# A test of tests/slow may take hours, where another hangs after a quarter of one.
LONG := $(PYTEST) -v -o faulthandler_timeout=14400

test: $(VENV)/installed-dev ## See every behavior once, on a PostgreSQL of its own: 10 min
	@$(if $(ORDER),PYTHONHASHSEED=0) $(AGAIN) $(SUITE) $(ORDER) -m '$(strip not whole $(MORE))'

record: ## Commit the seconds of the last `make test`, for the budgets of make fast
	@cp var/times-test.tsv tests/times.tsv

whole: $(VENV)/installed-dev ## Take the long tests that `make test` has a short form of: 25 min
	@$(if $(ORDER),PYTHONHASHSEED=0) $(AGAIN) $(SUITE) $(ORDER) -m whole

fast: ## Run what needs no database in 90 seconds, and show all that is red: lint, types, lists
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target \
		lint types contract static

static: $(VENV)/installed-dev
	@$(PYTEST) --static -n 2 -q -p no:randomly

screenshots: $(VENV)/installed-dev ## Look at every page: var/screenshots, both sizes, light, dark
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -n auto tests/slow/test_screenshots.py

browsers: $(VENV)/installed-dev ## Take each flow of a browser in both sizes: 15 min
	@CAIRN_SIZES=all $(AGAIN) $(SUITE) $(ORDER) -m browser

DRILLS := restores drill backup-drill install-drill image-test
SOUND := prove counts hold fuzz fhir flat crowds times mutate
slow: $(SOUND) $(DRILLS) browsers screenshots ## Run them all
	@$(BIN)/python -m tests.slow.large_import
	@$(MAKE) --no-print-directory clients
	@$(LONG) -n 0 -p no:randomly tests/slow/test_generated_clients.py
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly tests/slow/test_search_questions.py

prove: $(VENV)/installed-dev ## Check the model over 10,000 worlds, and each sweep: 2 h+
	@$(LONG) -n auto --dist worksteal $(foreach name,model markers markers_in_faults \
		firewall_orders every_cell_leaves route_matrix,tests/slow/test_$(name).py)

counts: $(VENV)/installed-dev ## Count 5,000 lives, solve what 24 networks give away, take the cost
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -n auto --dist worksteal $(foreach name,numbers \
		what_tables_give_away,tests/slow/test_$(name).py)
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly tests/slow/test_counting_costs.py

mutate: $(VENV)/installed-dev ## Weaken each rule of access in turn; a test must turn red each time
	@$(BIN)/python -m tests.mutate --reach && $(BIN)/python -m tests.mutate

hold: $(VENV)/installed-dev ## Kill each worker 100 times under load; 10,000 events
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -p no:randomly $(foreach name,workers_killed \
		webhooks_hold events reads_killed,tests/slow/test_$(name).py)

fuzz: $(VENV)/installed-dev ## Send 20,000 (CAIRN_FUZZED) requests made of the contract
	@CAIRN_LOG_LEVEL=CRITICAL $(LONG) -s -n 0 -p no:randomly tests/slow/test_fuzz.py

fhir: $(VENV)/installed-dev ## Send the examples of SDOHCC (FHIR_GUIDE), compare its profiles
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly $(foreach name,examples profiles,\
		tests/slow/test_fhir_$(name).py)

flat: $(VENV)/installed-dev ## Ask every route, list and job with ten times the history: 30 min
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly $(foreach name,list_plans \
		routes_at_two_sizes jobs_at_two_sizes server_memory,tests/slow/test_$(name).py)

drill: $(VENV)/installed-dev ## Break a cluster of eight hosts, made of namespaces (root): 20 min
	@$(BIN)/python -m tests.slow.cluster $(DRILL)

crowds: $(VENV)/installed-dev ## Flood it, guess 10,000 times, invite sixty people: 10 min
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly $(foreach name,floods guesses \
		sixty_members,tests/slow/test_$(name).py)

restores: $(VENV)/installed-dev ## Restore and fail over real servers; nothing that ended comes back
	@CAIRN_LOG_LEVEL=CRITICAL $(LONG) -n 0 tests/slow/test_restores.py

times: $(VENV)/installed-dev ## Time 3,000 (CAIRN_TIMED_REQUESTS) requests a route for a barred id
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 tests/slow/test_barred_times.py

install-drill: $(VENV)/installed-dev ## Follow RUNBOOK's install in a new Debian (root; mmdebstrap)
	@$(BIN)/python -m tests.slow.install_drill

backup-drill: $(VENV)/installed-dev ## Restore whole repositories of backups, and each broken one
	@CAIRN_LOG_LEVEL=WARNING $(LONG) -s -n 0 -p no:randomly tests/slow/test_backup_drill.py

coverage: $(VENV)/installed-dev ## Measure which branches of the lower floors the tests take
	@$(BIN)/coverage erase && $(BIN)/coverage run -m pytest $(SUITE) $(ORDER)
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

check: $(VENV)/installed-dev ## Run what CI runs: make fast, make clients, then all tests
	@$(MAKE) --no-print-directory fast
	@$(MAKE) --no-print-directory clients
	@$(MAKE) --no-print-directory test MORE='and not static'

lint: $(VENV)/installed-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.support.ground.english

types: $(VENV)/installed-dev
	@$(BIN)/mypy

contract: $(VENV)/installed-dev
	@$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # no database
	@$(BIN)/python manage.py openapi --check

clients: $(VENV)/installed-dev $(NODE)/installed ## Lint the contract; build clients of it (Node)
	@$(BIN)/python -m openapi.checks

openapi: $(VENV)/installed-dev ## Write openapi/v1.yaml again; review its diff as the change itself
	@$(BIN)/python manage.py openapi

schema: $(VENV)/installed ## Write permissions/sql/catalogue.txt from a new database; review it
	@$(BIN)/python manage.py schema --write

messages: $(VENV)/installed ## Complete the catalogue of LANGUAGE, such as es; compile all
	@$(BIN)/python manage.py translations $(LANGUAGE)

bench: $(VENV)/installed-dev $(PEERS)/installed ## Compare our speed with bare and peers: 4 min
	@$(BIN)/python -m tests.bench $(BENCH)

load: $(VENV)/installed-dev $(PEERS)/installed ## A mixed day by 8 and by 64 clients: 20 min each
	@$(BIN)/python -m tests.bench.load $(BENCH)

scale: $(VENV)/installed-dev ## Fill a database and measure what grows: a quarter of an hour, 10 GB
	@$(BIN)/python -m tests.bench.scale

image: $(VENV)/installed-dev ## Build the last commit's image, its SBOM and provenance: var/image
	@$(BIN)/python -m deploy.release.image

# What `make image` makes, with the machine's own tools: buildah, netavark, mmdebstrap; as root.
image-test: $(VENV)/installed-dev ## Build the image twice, look into it, start it read-only: 5 min
	@$(LONG) -s -n 0 -p no:randomly tests/slow/test_image.py

sbom: $(VENV)/installed-dev ## Write the SBOM of this version (var/sbom) and deploy/licenses.md
	@$(BIN)/python -m deploy.release.sbom

lock: ## Write the lock files again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra embedded --extra vault pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra embedded --extra vault --extra phone --extra traces --extra fhir --extra dev \
		-c requirements.lock pyproject.toml \
		-o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra vault --extra phone --extra traces --extra fhir -c requirements.lock pyproject.toml \
		-o deploy/requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		tests/bench/peers/requirements.in -o tests/bench/peers/requirements.lock
