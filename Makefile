# Two commands do everything on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint setup bench clean

demo: setup
	$(BIN)/labelwise demo

test: setup lint
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

# Speed and memory, as ratios in one run; the accuracy tables take longer: see benchmarks/README.md.
bench: setup
	$(BIN)/python benchmarks/step_cost.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/decoding.py
	$(BIN)/python benchmarks/rungs.py
	$(BIN)/python benchmarks/refining.py

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "labelwise needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:
	rm -rf .venv
