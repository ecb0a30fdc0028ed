# make setup   install everything into .venv (done once, and again when pyproject.toml or constraints.txt change)
# make demo    learn two styles from real pieces, compose in them, leave everything in demo/
# make test    lint, types, layers, and all tests with coverage; what CI runs
# make lint    only the first three
# make bench   the figures on this machine, beside their limits (benchmarks/run.py)
# make clean   remove what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two test processes, one thread each: faster on two cores than two that fight over them.
WORKERS ?= 2

.PHONY: setup demo test lint bench clean
.DEFAULT_GOAL := setup

setup: $(STAMP)
	@:

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "stilo needs Python 3.11 or newer; say which one: make setup PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
	@echo "ready: $(BIN)/stilo --help"

demo: setup
	@$(BIN)/stilo demo --out demo

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache

test: lint
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) -m "not slow" \
		--cov --cov-report=term:skip-covered --cov-fail-under=85

bench: setup
	@$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) demo build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
