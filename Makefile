# Everything a person or CI does with this repository. It needs Python 3.11 and make; the rest it fetches itself.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := $(firstword $(foreach name,python3.11 python3,$(shell command -v $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
# A setting of the caller must not reach the tests.
CLEAN := env -u DATABASE_URL -u REDIS_URL $(foreach name,$(filter ADMINCENTER_%,$(shell env | cut -d= -f1)),-u $(name))
# The checks import the settings, which want a data directory; they get one that holds nothing.
SCRATCH := $(CLEAN) ADMINCENTER_DATA_DIR=$(CURDIR)/.venv/scratch ADMINCENTER_HTTPS=true
# Most tests wait for processes and sockets more than they compute. A file stays together: its tests share what
# they start.
PARALLEL := --numprocesses $(shell expr $$(nproc) + 1) --dist loadfile
# Lock for everybody: neither this machine's package index nor its folders may get into the files.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe

.PHONY: help up test check bench lock pictures

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

up: .venv/runtime.stamp ## set up what is missing and run the program (Ctrl-C stops it)
	@exec $(BIN)/python manage.py up

test: .venv/dev.stamp ## install what the tests need and run them all: on SQLite, then the state tests on PostgreSQL
	@$(BIN)/python tests/tools.py install
	$(CLEAN) $(BIN)/python -m pytest $(PARALLEL)
	$(CLEAN) $(BIN)/python tests/tools.py with-postgresql $(BIN)/python -m pytest $(PARALLEL) -m state

check: .venv/dev.stamp ## linters, formatters, types, import contract, migrations, deployment checks, templates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(SCRATCH) $(BIN)/mypy
	$(BIN)/lint-imports
	$(SCRATCH) $(BIN)/python manage.py makemigrations --check --dry-run
	$(SCRATCH) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/djlint --quiet --lint templates

bench: .venv/dev.stamp ## measure the program beside a Postfix on this machine (as root; minutes)
	@$(BIN)/python tests/tools.py install
	$(CLEAN) $(BIN)/python -m tests.benchmarks

pictures: .venv/dev.stamp ## take the pictures of the README again
	@$(BIN)/python tests/tools.py install
	$(CLEAN) $(BIN)/python -m tests.browser.pictures

lock: .venv/dev.stamp ## choose the newest allowed versions again and write the lock files
	$(COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

# --- how the virtual environment comes about; a stamp says that a step is done --------------------------

.venv/made.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing: apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { test "$$(id -u)" = 0 && echo "installing python3-venv" && \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends python3-venv \
		>/dev/null; } || { echo "Debian's python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "making the virtual environment in .venv"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime.stamp: .venv/made.stamp requirements.lock
	@echo "installing what the program needs"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements-dev.lock
	@echo "installing what the checks and tests need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
