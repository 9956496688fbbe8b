# `make run` and `make test` need Python 3.11 or newer, make and git; everything else they get themselves.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
RUNTIME := .venv/runtime.stamp
TOOLS := .venv/tools.stamp
BABEL_TREE := reception/translations

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format messages requirements vendor clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 22

run: $(RUNTIME) ## serve on http://127.0.0.1:8000 (HOST, PORT) with the demo clinic, if the database is empty
	@$(BIN)/flask --app reception db upgrade
	@$(BIN)/flask --app reception demo --if-empty
	@exec $(BIN)/python wsgi.py

test: $(TOOLS) ## the whole suite, with PostgreSQL, Redis and a browser; ARGS="-k check_in" for a part
	@$(BIN)/python scripts/test_services.py -- $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

bench: $(TOOLS) ## what it costs: ratios to floors measured in the same run
	@$(BIN)/python -m bench $(ARGS)

lint: $(TOOLS) ## ruff, mypy, djlint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint --quiet --lint reception/templates

format: $(TOOLS) ## let ruff write the code as lint wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: $(RUNTIME) ## collect the words into the catalogues, and compile them
	$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext -k _l -k N_ -k P_:1c,2 --add-location=file --sort-by-file --project=Reception -o $(BABEL_TREE)/messages.pot .
	$(BIN)/pybabel -q update -i $(BABEL_TREE)/messages.pot -d $(BABEL_TREE) --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel compile -d $(BABEL_TREE) --statistics

requirements: $(TOOLS) ## pins from the ranges; UPGRADE=1 for newer ones
	$(BIN)/python scripts/pins.py $(if $(UPGRADE),--upgrade)

vendor: $(RUNTIME) ## fetch the browser's libraries again (needs npm)
	$(BIN)/python scripts/vendor.py

clean: ## everything make made, except the data in instance/
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(RUNTIME): requirements.txt scripts/venv.py
	$(PYTHON) scripts/venv.py requirements.txt
	@touch $@

$(TOOLS): $(RUNTIME) requirements-dev.txt
	$(PYTHON) scripts/venv.py requirements-dev.txt
	@touch $@
