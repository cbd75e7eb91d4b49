# Two commands do everything on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

# Rooms whose tests train no model, or one of a second; without scikit-learn's own checks of every decoder.
FAST := tests/data tests/decoding tests/graph tests/nn tests/project \
	tests/test_encoding.py tests/test_package.py tests/test_pages.py tests/test_parameters.py

# One process for each core and one thread in each, also in programs that tests start: threads that compete for a
# core wait for each other. A file is tested by one process, which makes what its tests share once.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: demo test test-fast coverage test-long test-core test-min lint lint-page axe docs setup bench clean

demo: setup
	$(BIN)/labelwise demo

test: setup lint
	$(PYTEST)

test-fast: setup
	$(PYTEST) -q -m "not slow" --ignore tests/decoding/test_scikit_learn.py $(FAST)

# All tests, and the lines that none runs in its own process; less than the floor in pyproject.toml is an error.
coverage: setup
	$(PYTEST) -q --cov

# What takes many minutes.
test-long: setup
	$(BIN)/python -m pytest --long -m long

# A wheel without extras, outside the checkout; test-min: with the oldest versions that are allowed.
test-core: build/test-constraints
test-min: build/test-constraints-min

build/test-%:
	rm -rf build/$* && mkdir -p build/$*
	$(PYTHON) -m venv build/$*/venv
	build/$*/venv/bin/pip install --quiet --constraint $*.txt . pytest
	cp -r tests/core build/$*/tests
	cd build/$* && OMP_NUM_THREADS=1 venv/bin/python -m pytest -q --rootdir tests tests

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy

# The types of the page's modules, for those who have Node.js; nothing of it is needed to run labelwise.
lint-page:
	npx --yes --package typescript@5.9 tsc --project jsconfig.json

# The site, built offline into build/docs; a warning is an error.
docs: setup
	rm -rf docs/generated build/docs && mkdir -p docs/generated
	$(BIN)/typer labelwise.cli.main utils docs --name labelwise --output docs/generated/commands.md
	$(BIN)/sphinx-build --quiet --fail-on-warning -c docs . build/docs
	@echo "Open build/docs/docs/index.html"

# axe-core, by which tests in a browser look for what a screen reader could not tell; they are skipped without it.
axe: build/axe/package/axe.min.js

build/axe/package/axe.min.js:
	mkdir -p build/axe
	cd build/axe && npm pack --silent axe-core@4.10.3 && tar -xzf axe-core-4.10.3.tgz
	@touch $@

# Speed and memory, as ratios in one run; the accuracy tables take longer: see benchmarks/README.md.
bench: setup
	$(BIN)/python benchmarks/step_cost.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/decoding.py
	$(BIN)/python benchmarks/rungs.py
	$(BIN)/python benchmarks/refining.py
	$(BIN)/python benchmarks/project.py
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/growth.py
	test -d runs/mnist.labelwise || $(BIN)/labelwise train mnist -o runs/mnist.labelwise --components 100
	$(BIN)/python benchmarks/page.py latency runs/mnist.labelwise

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "labelwise needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:
	rm -rf .venv
