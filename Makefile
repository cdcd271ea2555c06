# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
MARCH ?= x86-64-v3 x86-64-v4
LOWEST := tests/fixedpoint tests/native/test_target.py tests/trigger tests/training/test_member.py tests/training/test_schedule.py \
	tests/network/test_layers.py tests/network/test_configuration.py tests/network/test_batch_norm.py

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-lowest lint types bench bench-search conformance docs clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,pythia,rtl,docs]'
	@touch $@

$(VENV)/.installed-all: $(VENV)/.installed-test
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[rtl,qonnx,hls4ml]'
	@touch $@

demo: $(VENV)/.installed ## install, train the float baseline and two fixed-point networks, compare them
	$(RUN)/narrowgate train examples/demo/*.toml --runs demo/runs --picture demo/comparison.png

lint: $(VENV)/.installed-test ## ruff: style and mistakes; import-linter: rooms import only rooms below them
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports

types: $(VENV)/.installed-test ## mypy, strict
	$(RUN)/mypy

test: lint types ## lint, types and the tests
	$(RUN)/pytest -n auto -m 'not slow'

test-all: $(VENV)/.installed-all lint types ## the same and the long checks, those of optional packages too
	$(RUN)/pytest -n auto
	$(MAKE) test-lowest

test-lowest: ## the core's tests with the lowest versions that pyproject.toml admits, in an environment of its own
	$(PYTHON) -m venv --clear .envs/lowest
	.envs/lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.envs/lowest/bin/uv pip compile --quiet --python .envs/lowest/bin/python --resolution lowest-direct pyproject.toml -o .envs/lowest/versions.txt
	.envs/lowest/bin/python -m pip install --quiet --disable-pip-version-check -r .envs/lowest/versions.txt 'pytest>=8' 'hypothesis>=6.100'
	.envs/lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	.envs/lowest/bin/python -m pytest -q -m 'not slow' $(LOWEST)

conformance: $(VENV)/.installed-test ## fixed-point arithmetic against QKeras, in an environment of its own
	$(RUN)/python benchmarks/conformance.py

bench: $(VENV)/.installed ## member-events per second beside QKeras, in one call (MARCH="x86-64-v3 …": for these instruction sets)
	$(RUN)/python benchmarks/throughput.py --march $(MARCH) --output benchmarks/results/throughput.md

bench-search: $(VENV)/.installed ## one search with narrowgate, QKeras + KerasTuner and HGQ2 + Optuna
	$(RUN)/python benchmarks/search/compare.py --output benchmarks/results/search.md

docs: $(VENV)/.installed-test ## the documentation, in docs/_build/html
	$(RUN)/sphinx-build -W -b html docs docs/_build/html

clean: ## remove what the commands above made (runs/ and demo/ stay)
	rm -rf $(VENV) .envs build docs/_build src/*.egg-info
