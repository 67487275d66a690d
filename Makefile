.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SPOKEN := .venv/.spoken

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(READY): requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m meterline.usage.compile
	touch $(READY)

$(SPOKEN): $(READY) $(wildcard src/meterline/locale/*/LC_MESSAGES/django.po)
	$(BIN)/python -m meterline.platform.catalogues
	touch $(SPOKEN)

setup: $(SPOKEN) ## Create .venv and install the locked requirements

demo: $(SPOKEN) ## Make the demo company group and bill a year of it
	$(BIN)/meterline --home demo-data demo --reset

test: $(SPOKEN) ## Run the fast tests
	$(BIN)/python -m pytest -q -n logical -m "not slow"

test-all: $(SPOKEN) ## Run all tests
	$(BIN)/python -m pytest -q -n logical --dist worksteal

properties: $(SPOKEN) ## Look for what breaks an invariant: random stories, damaged files, killed processes, for an hour
	METERLINE_EXAMPLES=120 METERLINE_DAMAGED=10000 METERLINE_KILLS=50 $(BIN)/python -m pytest -q tests/properties tests/billing tests/usage/test_allowances.py tests/usage/formats/test_fuzz.py tests/crash/test_kill.py

messages: $(READY) ## Collect the texts of pages for translation, and say which are missing
	$(BIN)/python -m meterline.platform.messages

lint: $(READY) ## Check style, types and the floors
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(SPOKEN) ## Print the figures of the benchmarks
	$(BIN)/python benchmarks/rate.py --rows 2000000
	$(BIN)/python benchmarks/rerate.py --rows 2000000
	$(BIN)/python benchmarks/known.py
	$(BIN)/python benchmarks/reads.py
	$(BIN)/python benchmarks/decode.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/bill.py --accounts 20000
	$(BIN)/python benchmarks/simulate.py --accounts 20000
	$(BIN)/python benchmarks/pages.py --accounts 20000

serve: $(SPOKEN) ## Open the demo company in the browser, signed in, on this machine only
	test -d demo-data || $(BIN)/meterline --home demo-data demo
	METERLINE_SANDBOX="demo company, invented data" $(BIN)/meterline --home demo-data serve --sign-in demo@meterline.example

lock: $(READY) ## Lock the requirements anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 --custom-compile-command "make lock" --extra dev pyproject.toml -o requirements-dev.txt

.PHONY: help setup demo test test-all properties messages lint bench serve lock
