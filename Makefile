# Two commands do everything, set-up included:   make demo   and   make test
# They need Python 3.11 or newer and make; `.venv` is made here when it is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto

# pip reads these for the isolated build environment too (two names: old and new pip).
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests run side by side; torch's threads would wait for each other, spinning.
test test-slow: export OMP_NUM_THREADS ?= 1

.PHONY: help demo test test-slow lint types docs bench bench-motion validate format clean clean-venv

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

# The set-up is redone when a dependency changes, and only then: the stamp is the hash of both files.
$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "geomkit needs Python 3.11 or newer, and '$(PYTHON)' is not. Try: make PYTHON=/path/to/python3.11 demo" >&2; exit 1; }
	@key="$$(cat pyproject.toml constraints.txt | "$(PYTHON)" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"; \
	if [ -x $(BIN)/python ] && [ "$$(cat $(STAMP) 2>/dev/null)" = "$$key" ]; then touch $(STAMP); exit 0; fi; \
	echo "Setting up .venv with $$("$(PYTHON)" --version) (once; some minutes on a slow line) ..."; \
	"$(PYTHON)" -m venv $(VENV) || { echo "python -m venv failed: on Debian and Ubuntu, apt-get install python3.11-venv" >&2; exit 1; }; \
	$(BIN)/python -m pip install --progress-bar on -c constraints.txt -e '.[dev]' \
	  | sed -u -n -E 's/^(Collecting|Downloading|Installing|Successfully) ([^ (]+).*/  \1 \2/p'; \
	echo "$$key" > $(STAMP); echo "Set-up done."

demo: $(STAMP)  ## derive, certify and verify Kerr; learn a double pendulum from its motion; train a classifier
	@$(BIN)/python examples/demo.py

test: $(STAMP)  ## the fast tests and the doctests (at most 10 minutes on 2 cores)
	$(PYTEST) -m "not slow" -n $(WORKERS) --dist worksteal -q

test-slow: $(STAMP)  ## the long tests and the notebooks (at most 45 minutes on 2 cores)
	HYPOTHESIS_PROFILE=thorough $(PYTEST) -m slow -n $(WORKERS) --dist worksteal -q --timeout=900 tests notebooks

lint: $(STAMP)  ## ruff: rules and format; import-linter: layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(STAMP)  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

bench: $(STAMP)  ## time geomkit against plain SymPy and its peers; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks $(BENCH)

bench-motion: $(STAMP)  ## measure what is missing in the table of metrics from motion (hours from scratch)
	$(BIN)/python -m benchmarks.motion $(BENCH)

validate: $(STAMP)  ## check every claim that has to hold; VALIDATE=--full answers the questions too
	$(BIN)/python -m validation $(VALIDATE)

docs: $(STAMP)  ## build the pages into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove what was built (not .venv)
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +

clean-venv:  ## remove .venv, so that the next command sets it up again
	rm -rf $(VENV)
