# `make run` rebuilds everything, `make test journeys` checks it; all make the environment first if it is missing.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PARALLEL := --numprocesses 2 --dist worksteal --durations 20
export PATH := $(CURDIR)/$(BIN):$(PATH)

# The scripts of an environment name the folder where it was made: when that was moved, it is made again.
HOMES := $(realpath $(VENV))/ $(abspath $(VENV))/
MOVED := $(if $(wildcard $(READY)),$(shell grep -qF $(HOMES:%=-e "%") $(BIN)/snakemake || echo moved))

.PHONY: moved env run reports browser test journeys coverage cluster faults mutants bench lint reference claims lock lock-versions equivalent clean

env: $(READY)

moved:
	rm -rf $(VENV)

# uv installs the locked packages in about a minute, plain pip would take four. Compiled at once: an import of torch
# takes twice as long without bytecode, and not every shell lets Python write it. The package itself is installed in
# place, so that what is edited is what runs.
$(READY): requirements.lock pyproject.toml $(MOVED)
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock requirements-uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

run: env
	snakemake --cores all --resources gpu=2

# The whole folder of every committed study, from what Git keeps of it: nothing is trained.
reports: env
	exaggerated-replay report --index results/index.html $(patsubst %/plan.json,%,$(wildcard results/*/plan.json))

# The report is tested in a real browser. On Debian, as root.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "chromium and chromedriver are missing: install them, on Debian with 'sudo make browser'" >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium chromium-driver >/dev/null 2>&1 \
		|| { echo "apt-get could not install chromium and chromium-driver: see 'apt-get install chromium'" >&2; exit 1; }

# The test on Slurm does not run here; that all it needs can be found is checked.
test: env lint
	pytest tests/cluster --setup-plan --quiet
	pytest --ignore tests/cluster --ignore tests/faults --ignore tests/integration/journeys $(PARALLEL)

# What somebody does with DVC, on another machine and with code of their own, each walked from end to end; and kills.
journeys: env
	pytest tests/integration/journeys tests/faults $(PARALLEL)

# Which lines and branches of the package the tests reach that call it themselves: at least 90 %.
coverage: env
	pytest tests/unit tests/bad_input $(PARALLEL) --cov --cov-report=term

# The workflow on a real Slurm of one machine: jobs killed, preempted, requeued. Installs Debian's packages, as root.
cluster: env
	pytest tests/cluster -s -o faulthandler_timeout=0

# Every job killed at every call with which it changes a file, the workflow at random moments, disks full and read-only:
# hours. FAULTS="--calls 8 --random 10" is shorter. Where mounting is not allowed, full disks are left out.
faults: env
	python -m tests.faults $(FAULTS)

# Small mistakes put into the code, by mutmut: does a test notice each? MUTANTS="plan --sample 100" is shorter.
mutants: env
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target .mutants --no-deps mutmut==3.8.1 libcst==1.9.0
	PYTHONPATH="$(CURDIR)/.mutants:$$PYTHONPATH" python -m tests.mutants $(MUTANTS)

# Measures this machine: leave it alone meanwhile.
bench: env
	python -m bench

# Snakemake's linter asks for a conda environment or container per rule; the lock file is that environment.
lint: env
	ruff check
	ruff format --check
	mypy
	lint-imports --no-logo
	snakefmt --check Snakefile workflow
	python tests/lint_workflow.py
	PYTHONPATH=src python -m tools.versions check

# Takes versions that the code states anew into versions.lock; changed code under an old version is refused.
lock-versions: env
	PYTHONPATH=src python -m tools.versions renew

# Trains small runs with the code of the locked commit and with that at hand, and renews versions.lock if they agree.
equivalent: env
	PYTHONPATH=src python -m tools.equivalent

# The pages of docs/reference/, from the code.
reference: env
	PYTHONPATH=src python -m tools.reference

# docs/claims.md, from the committed studies.
claims: env
	PYTHONPATH=src python -m tools.claims

lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --extra test \
		pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .snakemake .training logs
