# One command from a clone to the book. Needs Python 3.11 or newer, make and a package index.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help render preview package test lint notebooks pictures truth recovery validation bench lock clean

help: ## Show these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

# A stamp file records that the environment matches its lock, so that a second call does nothing.
.venv/uv.stamp: requirements-uv.lock
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed: make PYTHON=...' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

.venv/render.stamp: .venv/uv.stamp requirements.lock pyproject.toml
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/render.stamp requirements-test.lock
	$(INSTALL) --require-hashes -r requirements-test.lock
	@touch $@

# Modules, not scripts: a script's first line cannot name every path that a clone may have.
render: .venv/render.stamp ## Make the website and the PDF in _book/; PANEL=FILE takes another panel, MAP=FILE its mapping
	$(BIN)/python -m coprod render $(if $(PANEL),--panel "$(PANEL)") $(if $(MAP),--map "$(MAP)")

preview: .venv/render.stamp ## Make the website, serve it on localhost, rebuild on change
	$(BIN)/python -m coprod preview

package: .venv/render.stamp ## Write the package for an archive from a clean clone and its book: dist/*.zip
	$(BIN)/python -m coprod package

# One thread each, as processes that share the processors are slower. A third process has work where the others wait
# for a browser or a build. A file's tests stay together, and those files come first that tests/conftest.py names.
test: export OPENBLAS_NUM_THREADS = 1
test: export OMP_NUM_THREADS = 1
# Where a machine's own settings keep nothing compiled, each of hundreds of processes would compile all anew.
test: export PYTHONDONTWRITEBYTECODE =
test: lint ## Run every check: style, types, contract, tests, doctests, notebooks
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 10

lint: .venv/test.stamp ## Check code style, types and the chapters' contract
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m coprod lint

notebooks: .venv/render.stamp ## Write each chapter as an executed notebook to tests/notebooks/
	$(BIN)/python -m coprod notebooks

pictures: .venv/test.stamp ## Take the README's two pictures of the book in _book/, into docs/
	$(BIN)/python -m docs.pictures

truth recovery: export OPENBLAS_NUM_THREADS = 1
truth recovery: export OMP_NUM_THREADS = 1
truth: .venv/render.stamp ## Draw the true values again into data/truth.csv (10 minutes)
	$(BIN)/python -m coprod.truth

recovery: .venv/render.stamp ## Hold estimators and power against the truth, over thousands of panels (1 hour)
	$(BIN)/python -m coprod.recovery $(PANELS)
	$(BIN)/python -m coprod.experiment_recovery $(EXPERIMENTS)
	$(BIN)/python -m coprod.power_simulation
	$(BIN)/python -m coprod.claim_recovery

validation: export OPENBLAS_NUM_THREADS = 1
validation: .venv/test.stamp ## Compare with R's results again, into data/validation.csv (1 minute)
	$(BIN)/python -m tests.reference.validation

bench: .venv/test.stamp ## Measure the build and what it cannot do without, harm it and edit it at random; the estimators (1 hour)
	$(BIN)/python -m benchmarks.build
	$(BIN)/python -m benchmarks.randomisation
	$(BIN)/python -m benchmarks.estimators
	$(BIN)/python -m benchmarks.faults
	$(BIN)/python -m benchmarks.staleness

lock: .venv/uv.stamp ## Renew the lock files from pyproject.toml, for Linux, macOS and Windows
	$(LOCK) --upgrade -o requirements-uv.lock requirements-uv.in
	$(LOCK) --upgrade --group build -o requirements.lock pyproject.toml
	$(LOCK) --upgrade --group build --extra test -c requirements.lock -o requirements-test.lock pyproject.toml
	$(LOCK) --no-generate-hashes --group build -c requirements.lock -o constraints.txt pyproject.toml

clean: ## Remove what was built and the environment
	rm -rf _book dist .cache .venv
