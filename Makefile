# Two commands: `make test` and `make run`. Each sets up its own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BENCH := .venv-bench

.PHONY: test run lint sensitivity docs test-core examples fuzz bench bench-compare clean

test: lint
	$(BIN)/pytest -q -n 2

run: $(READY)
	$(BIN)/harness run --output build/run

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

# Inject some of the known faults; docs/sensitivity.md has all of them.
sensitivity: $(READY)
	$(BIN)/harness sensitivity --quick --jobs 2

# The documentation site in build/site; a warning, such as a link that leads nowhere, is an error.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The core's tests from the built wheel, without torch; Python 3.11 runs the whole suite.
test-core: $(READY)
	sh tests/without_torch.sh $(BIN)/python $(or $(PYTHONS),3.10 3.12 3.13)

# The example projects, from the built wheel in an environment of their own.
examples: $(READY)
	sh examples/run.sh $(BIN)/python

# Coverage-guided fuzzing of archives, manifests, registries and histories.
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python tests/fuzz/run.py $(or $(FUZZ_SECONDS),60)

# Speed beside other tools: about 10 minutes on a machine that does nothing else. They have their own environment,
# because their pytest plugins would be loaded in ours; harness is installed there as users install it. xxhsum
# and b3sum are used if the system has them.
bench bench-compare: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/run.py $(if $(filter bench-compare,$@),--compare)

$(BENCH)/ready: pyproject.toml constraints.txt $(shell find harness -name '*.py')
	$(PYTHON) -m venv $(BENCH)
	rm -rf build/lib
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt '.[ptycho,bench]'
	touch $@

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ptycho,report,files,detectors,publish,fetch,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) build dist .venv-core-* .harness *.egg-info
