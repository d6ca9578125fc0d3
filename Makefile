# Two commands: `make test` and `make run`. Each sets up its own environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BENCH := .venv-bench
PTYCHODUS_VENV := .venv-ptychodus
WRITERS_VENV := .venv-writers
ENGINES_VENV := .venv-engines

.PHONY: test run lint sensitivity docs test-core examples publishing counterparts engines fuzz bench bench-compare clean

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

# What `harness publish` writes, before the validator of RO-Crates, which needs older versions of our own packages.
publishing:
	$(PYTHON) -m venv .venv-publishing
	.venv-publishing/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[publish,fetch]' \
		hypothesis 'roc-validator>=0.13' 'rocrate<0.16'
	HARNESS_REQUIRE_VALIDATOR=1 .venv-publishing/bin/python -m pytest -q tests/core/publishing/test_crate.py

# Files exchanged with the programs of other groups, each run in an environment of its own; the table of
# docs/files-round-trip.md is written again.
counterparts: $(READY) $(PTYCHODUS_VENV)/ready $(ENGINES_VENV)/ready $(WRITERS_VENV)/ready
	HARNESS_PTYCHODUS_PYTHON=$(PTYCHODUS_VENV)/bin/python HARNESS_CDTOOLS_PYTHON=$(ENGINES_VENV)/bin/python \
		HARNESS_WRITERS_PYTHON=$(WRITERS_VENV)/bin/python $(BIN)/pytest -q tests/counterparts
	HARNESS_PTYCHODUS_PYTHON=$(PTYCHODUS_VENV)/bin/python HARNESS_CDTOOLS_PYTHON=$(ENGINES_VENV)/bin/python \
		PYTHONPATH=tests/ptycho/files $(BIN)/python tests/counterparts/exchange.py

$(PTYCHODUS_VENV)/ready: constraints.txt
	$(PYTHON) -m venv $(PTYCHODUS_VENV)
	$(PTYCHODUS_VENV)/bin/python -m pip install --quiet --constraint constraints.txt ptychodus==1.7.0
	touch $@

$(WRITERS_VENV)/ready: tests/counterparts/writers_side.py
	$(PYTHON) -m venv $(WRITERS_VENV)
	$(WRITERS_VENV)/bin/python -m pip install --quiet rosettasciio==0.15.0 hdf5storage==0.2.2 h5py scipy 'zarr<3'
	touch $@

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

# Engines, for real: their tests, then their baselines. A package that is missing fails.
engines: $(ENGINES_VENV)/ready
	HARNESS_ENGINES_REQUIRED=1 $(ENGINES_VENV)/bin/pytest -q tests/ptycho/engines --ignore tests/ptycho/engines/command
	$(ENGINES_VENV)/bin/harness run --pipeline cdtools --pipeline ptychi-lsqml --pipeline ptychi-rpie

# Reconstruction codes of other groups. They bring a torchvision that does not fit the constrained torch.
$(ENGINES_VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(ENGINES_VENV)
	$(ENGINES_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[ptycho,files,cdtools,ptychi,dev]'
	touch $@

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ptycho,report,files,detectors,publish,fetch,s3,dask,mutants,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(PTYCHODUS_VENV) $(ENGINES_VENV) .venv-publishing build dist .venv-core-* .harness *.egg-info
