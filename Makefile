# `make` lists the targets.  `run` and `test` do all set-up on a fresh Debian machine.
.DEFAULT_GOAL := help
.PHONY: help run test check web nightly bench screenshots lock setup clean format
PY := .venv/bin/python
# A second folder with the same data: `make run DATA=/srv/liuhen`
DATA ?= var/liuhen
PORT ?= 8787
WORKERS ?= 2

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## set up, start the server, take a small real case through it, stay up (FOOTAGE=folder: your own files)
	@scripts/setup run
	@$(PY) -m deploy.demo --data "$(DATA)" --port "$(PORT)" $(if $(FOOTAGE),--footage "$(FOOTAGE)")

test: ## set up, then every check and every test
	@scripts/setup test
	@$(MAKE) --no-print-directory check
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered -q

check: ## format, lint, types and layers, of the server and of the pages
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@scripts/web check

web: ## build the pages with script into console/built (the server reads them when it starts)
	@scripts/web build

format: ## write the format and the lint fixes that are safe
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

nightly: ## the long runs: 100,000 simulated crashes and the other tests marked nightly
	@scripts/setup test
	@LIUHEN_SIMULATIONS=100000 $(PY) -m pytest -n $(WORKERS) --dist worksteal -q tests/simulation
	@$(PY) -m pytest -q -m nightly

bench: ## measure; bench/README.md says what and shows a table
	@scripts/setup test
	@$(PY) -m bench

screenshots: ## take the pictures of the documents from the running demo
	@scripts/setup test
	@$(PY) -m deploy.screenshots

setup: ## only install what the tests need
	@scripts/setup test

lock: ## resolve the dependencies anew
	@scripts/lock --upgrade

clean: ## forget what was built here (never data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache tests/clients/node_modules console/web/node_modules console/built
