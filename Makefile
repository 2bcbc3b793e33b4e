# Each target works by itself on a fresh machine with Python 3.11+ and make; what it needs comes into .venv once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check install
STATE  := $(VENV)/.kwatch
ARGS   ?=

.PHONY: run test lint format contract bench mutants lock wheel clean help

help:   ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(STATE)-run   ## watch the cluster of the current kubeconfig, or the demo cluster where there is none
	@$(BIN)/kwatch run $(ARGS)

test: $(STATE)-dev   ## run all tests that this machine can run; the others are named with the reason
	@$(BIN)/python -m pytest $(ARGS)

lint: $(STATE)-dev   ## check format, style, types and layers
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STATE)-dev   ## format, and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

contract: $(STATE)-dev   ## write docs/contract.md: which channel keeps what
	@$(BIN)/python -m tests.notify.contract.table

bench: $(STATE)-dev   ## measure; benchmarks/README.md says what
	@$(BIN)/python benchmarks/pipeline.py $(ARGS)

mutants: $(STATE)-dev   ## change the code that counts and classifies, line by line: tests must notice nine of ten
	@$(BIN)/mutmut run
	@$(BIN)/mutmut export-cicd-stats >/dev/null
	@$(BIN)/python -c 'import json, sys; s = json.load(open("mutants/mutmut-cicd-stats.json")); k, n = s["killed"], s["total"]; \
	  print(f"{k} of {n} mutants noticed: {k / n:.1%}"); sys.exit(k < 0.9 * n)'

lock: $(STATE)-dev   ## resolve the dependencies anew
	@$(BIN)/uv pip compile $(LOCK_FLAGS) -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile $(LOCK_FLAGS) --group dev -o requirements-dev.lock pyproject.toml
LOCK_FLAGS = --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

wheel: $(STATE)-dev   ## build dist/*.whl
	@$(BIN)/python -m hatchling build --target wheel

clean:   ## remove what make has made
	rm -rf $(VENV) dist

$(STATE)-venv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("kwatch needs Python 3.11 or newer, this is " + sys.version)'
	@echo "installing into $(VENV), once"
	@$(PYTHON) -m venv $(VENV) || { echo "on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

$(STATE)-run: $(STATE)-venv requirements.lock pyproject.toml
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@

$(STATE)-dev: $(STATE)-run requirements-dev.lock
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
