# Two commands set everything up: `make repro` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help install repro test check fsck lock

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

install: .venv/.installed ## build .venv from the lock files

.venv/.installed: requirements.lock requirements-tools.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock --requirement requirements-tools.lock
	touch $@

repro: install ## environment, then the whole DAG as params.yaml says
	$(RUN) python -m apps.repro

test: install ## environment, then all tests
	$(RUN) python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder

check: install ## ruff and mypy
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

fsck: install ## re-hash the DVC cache and name what is corrupt
	$(RUN) python -m apps.fsck

lock: ## renew both lock files from requirements*.in (needs the network)
	$(PYTHON) -m venv --clear .scratch/lock
	.scratch/lock/bin/pip install --quiet -r requirements.in -r requirements-tools.in
	.scratch/lock/bin/pip freeze | sed 's/+cpu$$//' > .scratch/all.txt
	$(PYTHON) -m venv --clear .scratch/lock
	.scratch/lock/bin/pip install --quiet -c .scratch/all.txt -r requirements.in
	.scratch/lock/bin/pip freeze | sed 's/+cpu$$//' > requirements.lock
	grep -vxFf requirements.lock .scratch/all.txt > requirements-tools.lock
