# Two commands on a fresh machine with Python 3.11+, git and make:  make demo   make test
# Everything is installed into .venv and nothing outside it is touched.

SHELL := /bin/sh
VENV := .venv
TORCH_VENV := .venv-torch
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin

# An editable installation holds this folder's path, so the stamp's name does too: a moved or copied checkout installs again.
PLACE := $(shell printf %s "$(CURDIR)" | cksum | cut -d' ' -f1)
RUN_STAMP := $(VENV)/.installed-$(PLACE)
DEV_STAMP := $(VENV)/.installed-dev-$(PLACE)
TORCH_STAMP := $(TORCH_VENV)/.installed-$(PLACE)
BENCH_STAMP := $(BENCH_VENV)/.installed-$(PLACE)

# matplotlib keeps a list of fonts, and compiled steps and downloads are kept too: below .venv like everything else.
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/cache/matplotlib
export FORWARDNET_CACHE ?= $(CURDIR)/$(VENV)/cache/forwardnet
# One BLAS thread per test process, because the processes already share the cores.
PYTEST_ENV := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST_ARGS := -q -n auto --maxprocesses 8

OUT ?= runs/demo
SELECT ?= not torch

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench docs test-torch clean

help:
	@echo "make demo        train on the real 8x8 digits and write a model and a report"
	@echo "make test        all tests"
	@echo "make check       format, lint, types, architecture, fast tests"
	@echo "make bench       time training beside PyTorch, JAX, scikit-learn and pytabkit, in an environment of its own (30 minutes)"
	@echo "make docs        rebuild docs/reference and docs/coverage.md"
	@echo "make test-torch  compare with PyTorch, in an environment of its own"
	@echo "make clean       remove environments, caches and runs"

$(RUN_STAMP): pyproject.toml tools/install.sh
	@tools/install.sh $(VENV) -e .
	@touch $@

$(DEV_STAMP): pyproject.toml tools/install.sh
	@tools/install.sh $(VENV) -e ".[dev]"
	@touch $(RUN_STAMP) $@

# PyTorch's own sample inputs need expecttest.
$(TORCH_STAMP): pyproject.toml tools/install.sh
	@tools/install.sh $(TORCH_VENV) torch==2.13.0 expecttest -e ".[dev]"
	@touch $@

# pytabkit comes last, where all is there that it imports; its own list has more.
PYTABKIT_NEEDS := numpy pandas scikit-learn pyyaml packaging pytorch_lightning psutil
$(BENCH_STAMP): pyproject.toml tools/install.sh
	@tools/install.sh $(BENCH_VENV) torch==2.13.0 jax jaxlib threadpoolctl -e .
	@{ tools/install.sh $(BENCH_VENV) $(PYTABKIT_NEEDS) && \
	    tools/install.sh $(BENCH_VENV) --no-deps pytabkit==1.7.3; } || \
	    echo "pytabkit is not installed: it takes no part in the benchmark"
	@touch $@

install: $(DEV_STAMP)

demo: $(RUN_STAMP)
	@$(BIN)/forwardnet train digits --out "$(OUT)"

test: $(DEV_STAMP)
	@$(PYTEST_ENV) $(BIN)/python -m pytest $(PYTEST_ARGS) -m "$(SELECT)"

check: $(DEV_STAMP)
	@$(BIN)/ruff format --check src tests tools examples
	@$(BIN)/ruff check src tests tools examples
	@$(BIN)/python -m mypy
	@$(PYTEST_ENV) $(BIN)/python -m pytest -q tests/test_architecture.py
	@$(PYTEST_ENV) $(BIN)/python -m pytest $(PYTEST_ARGS) -m "not slow and not torch" --ignore=tests/test_architecture.py

# Arguments for the benchmark: make bench BENCH_ARGS="--tasks tiny --only steps"; those on tables need
# FORWARDNET_DATA, and how well networks do on them is measured for hours: BENCH_ARGS="--only quality"
bench: export MPLCONFIGDIR := $(CURDIR)/$(BENCH_VENV)/cache/matplotlib
bench: $(BENCH_STAMP)
	@$(BENCH_VENV)/bin/python tools/bench.py $(BENCH_ARGS)

docs: $(RUN_STAMP)
	@$(BIN)/python tools/build_docs.py
	@$(BIN)/python tools/build_coverage.py

test-torch: $(TORCH_STAMP)
	@$(PYTEST_ENV) $(TORCH_VENV)/bin/python -m pytest -q tests/torch_reference

clean:
	rm -rf $(VENV) $(TORCH_VENV) $(BENCH_VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests tools examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
