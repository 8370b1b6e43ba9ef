# Two commands do all the set-up: `make repro` and `make test`. Everything else builds on the same environment.
PYTHON ?= python3
# cpu: the CPU build of PyTorch where the package index offers one.  cuda: the CUDA build and its libraries.
TORCH ?= $(if $(wildcard .venv/.installed-cuda),cuda,cpu)
VENV := .venv
BIN := $(VENV)/bin
# The dataset of `make register` and `make serve`.
DATASET ?= telco_churn
STAMP := $(VENV)/.installed-$(TORCH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: help env repro ui register serve test test-slow lint format lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP)  ## make the environment from the lock files

$(STAMP): requirements/lock.txt requirements/torch-$(TORCH).txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("fuelgauge needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "making the environment in $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install -qq -r requirements/torch-$(TORCH).txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

repro: env  ## run the pipeline and print the verdict
	@dvc repro --keep-going
	@fuelgauge verdict

ui: env  ## open the MLflow UI on this machine
	@fuelgauge ui

register: env  ## the best model of DATASET becomes challenger or champion
	@python pipelines/register.py dataset=$(DATASET)

serve: env  ## answer queries with the champion of DATASET
	@fuelgauge serve $(DATASET)

test: env lint  ## lint and the fast tests
	@python -m pytest

test-slow: env  ## the tests marked slow
	@python -m pytest -m slow

lint: env  ## ruff and the type checker
	@ruff check .
	@ruff format --check .
	@mypy

format: env  ## let ruff put the code in order
	@ruff check --fix .
	@ruff format .

# torch and its CUDA libraries stay out of the common lock: requirements/torch-*.txt hold them.
CUDA_PACKAGES := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
	nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand \
	nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu12 nvidia-nccl-cu13 \
	nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	-c requirements/constraints.txt --custom-compile-command 'make lock'

lock:  ## compile the lock files anew (needs uv)
	$(COMPILE) --extra dev $(CUDA_PACKAGES:%=--no-emit-package %) pyproject.toml -o requirements/lock.txt
	echo torch | $(COMPILE) -c requirements/lock.txt - -o requirements/torch-cuda.txt

clean:  ## remove the environment
	rm -rf $(VENV)
