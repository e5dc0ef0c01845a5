# One command from a clone to the book. Needs Python 3.11 or newer, make and a package index.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help render preview test lint notebooks bench lock clean

help: ## Show these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

# A stamp file records that the environment matches its lock, so that a second call does nothing.
.venv/uv.stamp: requirements-uv.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

.venv/render.stamp: .venv/uv.stamp requirements.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/render.stamp requirements-test.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-test.lock
	@touch $@

render: .venv/render.stamp ## Make the website and the PDF in _book/
	$(BIN)/coprod render

preview: .venv/render.stamp ## Make the website, serve it on localhost, rebuild on change
	$(BIN)/coprod preview

test: .venv/test.stamp ## Run every check: tests, notebooks, doctests, lint, types
	$(BIN)/python -m pytest

lint: .venv/test.stamp ## Check code style, types and the chapters' contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/coprod lint

notebooks: .venv/render.stamp ## Write each chapter as an executed notebook to tests/notebooks/
	$(BIN)/coprod notebooks

bench: .venv/test.stamp ## Measure the build; results go to benchmarks/RESULTS.md
	$(BIN)/python benchmarks/build.py

lock: .venv/uv.stamp ## Renew the lock files from pyproject.toml
	$(LOCK) --upgrade -o requirements-uv.lock requirements-uv.in
	$(LOCK) --upgrade --group build -o requirements.lock pyproject.toml
	$(LOCK) --upgrade --group build --extra test -c requirements.lock -o requirements-test.lock pyproject.toml

clean: ## Remove what was built and the environment
	rm -rf _book .coprod .venv
