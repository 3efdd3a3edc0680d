# The two commands of the README, each from a fresh clone on a machine with Python 3.11.
PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(BIN):$(PATH)

.PHONY: best-cell test lint clean

# Frees the folder if a run was killed (never while one is alive), then runs the main job.
best-cell: $(READY)
	python -m tgas_neuro unlock
	snakemake --cores all

test: $(READY)
	python -m pytest

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check .
	snakemake --lint

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --constraint constraints.txt --editable ".[brainscore,dev]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
