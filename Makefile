# Everything sets itself up: a fresh machine needs Python 3.11 and make, nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Percent of lines and branches of points/ that tests/points walk; never lower it.
COVERED := 100
# What is proven by chance and by force, and for minutes; nothing is walked only there.
BY_FORCE := checkers_are_proven expiry_killed expiry_lots ledger_machine lost_reply many_at_once \
  settlement_killed tampering
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo demo-reset test coverage lint format bench bench-growth screenshots soak proof mutants browser lock migration

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.make/run: requirements/run.txt
	@mkdir -p .make
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing what Linli needs ..."
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/run.txt
	@touch $@

.make/test: requirements/test.txt .make/run
	@echo "installing test tools ..."
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/test.txt
	@touch $@

.make/static: .make/run $(wildcard static/*)
	@$(BIN)/python -m whitenoise.compress --quiet static
	@touch $@

setup: .make/run .make/test ## Make .venv with everything in it

demo: .make/run .make/static ## Build (once) and serve a lively district; prints address and sign-ins
	@LINLI_SCHEDULER=inside $(BIN)/flask demo serve

demo-reset: .make/run .make/static ## Throw the demonstration away and build it anew
	@LINLI_SCHEDULER=inside $(BIN)/flask demo serve --reset

browser: .make/test
	@$(BIN)/python -m tests.browser

test: .make/test .make/static browser ## Run the tests on SQLite and on a real PostgreSQL
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal

coverage: .make/test .make/static browser ## Branch coverage of the ledger by its own tests, with what is missing
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m coverage run --source=points -m pytest -q -n 2 --dist worksteal \
	  $(BY_FORCE:%=--ignore=tests/points/test_%.py) tests/points \
	  tests/activities/test_hours_from_elsewhere.py
	@$(BIN)/python -m coverage combine -q
	@$(BIN)/python -m coverage report --skip-covered --show-missing --fail-under=$(COVERED)

lint: .make/test ## Check style, types and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .make/test ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .make/test ## Measure against floors in the same run; writes bench/results.json
	@$(BIN)/python -m bench quick

bench-growth: .make/test ## The long measurements: a million awards, ten million transfers (an hour, 12 GB)
	@$(BIN)/python -m bench long

screenshots: .make/test .make/static browser ## Photograph the running demonstration into docs/
	@$(BIN)/python -m tests.screenshots

soak: .make/test browser ## The long runs of which make test does a small part, and the ledger's coverage
	@LINLI_SOAK=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal tests
	@$(MAKE) --no-print-directory coverage

proof: .make/test ## Seed bugs into the ledger and see that each is caught; writes bench/proof.json
	@$(BIN)/python -m tests.points.proof

.make/mutation: requirements/mutation.txt .make/test
	@echo "installing the mutation tester ..."
	@$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements/mutation.txt
	@touch $@

mutants: .make/mutation ## Change the ledger and see that tests notice; writes docs/mutants.md (an hour and a half)
	@$(BIN)/python -m tests.points.mutants

lock: .make/test ## Renew the locks from requirements/*.in (needs uv)
	@cd requirements && for name in run test mutation; do uv pip compile --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --no-annotate -q $$name.in -o $$name.txt; done

migration: .make/run ## Draft a migration from the models: make migration m="what it does"
	@$(BIN)/flask db migrate -m "$(m)"
