# `make run` rebuilds everything, `make test` checks it; both make the environment first if it is missing.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: env run report test bench lint lock clean

env: $(READY)

# uv installs the locked packages in about a minute, plain pip would take four. Compiled at once: an import of torch
# takes twice as long without bytecode, and not every shell lets Python write it. The package itself is installed in
# place, so that what is edited is what runs.
$(READY): requirements.lock pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock requirements-uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

run: env
	snakemake --cores all --resources gpu=2
	$(MAKE) report

# One self-contained page with every figure and its caption.
report: env
	snakemake --report report.html

test: env lint
	pytest --numprocesses 2 --dist loadfile

# Measures this machine: leave it alone meanwhile.
bench: env
	python -m bench

# Snakemake's linter asks for a conda environment or container per rule; the lock file is that environment.
lint: env
	ruff check
	ruff format --check
	lint-imports --no-logo
	python tests/lint_workflow.py

lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --extra test \
		pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .snakemake .training logs
