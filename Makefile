# Every target sets up what it needs by itself; the second time that takes no time.

PYTHON ?= python3
SETUP := $(PYTHON) scripts/setup.py
BIN := .venv/bin
# What is run on Debian's PostgreSQL once more.
ON_DEBIAN := tests/db tests/convergence tests/runs/test_journal.py

.DEFAULT_GOAL := help
.PHONY: help run test lint format web clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the server and print its address (ARGS="..." are passed on)
	@$(SETUP) python web
	@exec $(BIN)/transom serve $(ARGS)

test: ## Run every test (ARGS="..." are passed on to pytest)
	@$(SETUP) python web browser databases
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/pytest -n 2 --dist loadfile --postgres debian $(ON_DEBIAN)

lint: ## Check style, types and imports
	@$(SETUP) python
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: ## Rewrite the code in the house style
	@$(SETUP) python
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

web: ## Build the start page and GraphiQL
	@$(SETUP) web

clean: ## Remove everything that the other targets made (data in .transom stays)
	rm -rf .venv .tools web/dist web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
