# The two commands of the README, each from a fresh clone on a machine with Python 3.11.
PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
COMPLETE := $(VENV)/.complete
INSTALL := python -m pip install --quiet --constraint constraints.txt --editable
export PATH := $(BIN):$(PATH)

.PHONY: environment best-cell macaque test quick coverage lint docs matrix clean

# What the main job needs, and nothing else; then: source .venv/bin/activate
environment: $(READY)

# Frees the folder if a run was killed (never while one is alive), then runs the main job.
best-cell: $(READY)
	python -m tgas_neuro unlock
	snakemake --cores all

# The same with real macaque V4 and monkey IT and small natural images, in the folder macaque/. DATA is
# the folder with the images; recordings that it does not have are downloaded.
DATA ?= data
macaque: $(READY)
	test -f macaque/config.yaml || python -m tgas_neuro init macaque --preset macaque_small
	ln -sfn "$(abspath $(DATA))" macaque/data
	python -m tgas_neuro run --directory macaque

# Three workers, each a file at a time: the workflow tests start many small processes, and those on
# SLURM mostly wait. Files are kept in the order of tests/conftest.py; by default those with few tests,
# which are the long ones, come last.
PYTEST := -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
test: $(COMPLETE)
	python $(PYTEST)

# What is worth waiting for after every change: no workflow, and no test that takes seconds.
quick: $(COMPLETE)
	python $(PYTEST) -m "not workflow and not cluster and not lengthy"

# Share of lines and branches of the package that tests run, processes that they start included.
coverage: $(COMPLETE)
	coverage erase
	coverage run $(PYTEST)
	coverage combine --quiet
	coverage report

lint: $(COMPLETE)
	ruff check .
	ruff format --check .
	lint-imports
	mypy
	snakefmt --check .
	snakemake --lint

# The pages of docs/ as a site in build/docs; a warning is an error.
docs: $(COMPLETE)
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build

# Every promised Python and version, each in an environment of its own (7 GB, one at a time); SETS chooses.
matrix: $(COMPLETE)
	python tests/matrix/matrix.py $(SETS)

# What the main job needs.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

# Beyond that, what the tests and the linters need.
$(COMPLETE): $(READY)
	$(INSTALL) ".[brainscore,dashboard,export,mlflow,nwb,parquet,slurm,tensorboard,wandb,zarr,dev,docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
