# Two commands do all the set-up: `make repro` and `make test`. Everything else builds on the same environment.
PYTHON ?= python3
# cpu: the CPU build of PyTorch where the package index offers one.  cuda: the CUDA build and its libraries.
TORCH ?= $(if $(wildcard .venv/.installed-cuda),cuda,cpu)
VENV := .venv
BIN := $(VENV)/bin
# The server of `make serve-tracking`; its database may also be postgresql://host/name.
TRACKING ?= $(CURDIR)/data/tracking
PORT ?= 5000
WORKERS ?= 2
BACKEND ?= sqlite:///$(TRACKING)/mlflow.db
# The dataset of `make register` and `make serve`.
DATASET ?= telco_churn
STAMP := $(VENV)/.installed-$(TORCH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: help env repro evidence ui register serve retrain remote pull push serve-tracking test test-slow lint \
	docs format lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP)  ## make the environment from the lock files

$(STAMP): requirements/lock.txt requirements/torch-$(TORCH).txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("fuelgauge needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "making the environment in $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install -qq -r requirements/torch-$(TORCH).txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

repro: env  ## run the pipeline and print the verdict; PROFILE=smoke writes that params.yaml first
	@$(if $(PROFILE),fuelgauge profile $(PROFILE))
	@dvc repro --keep-going || { python pipelines/check.py; exit 1; }
	@fuelgauge verdict

evidence: env  ## judge the claims on published learning curves (LCDB; fetches 68 MB once)
	@python scripts/evidence.py

ui: env  ## open the MLflow UI on this machine
	@fuelgauge ui

register: env  ## the best model of DATASET becomes challenger or champion
	@python pipelines/register.py dataset=$(DATASET)

serve: env  ## answer queries with the champion of DATASET
	@fuelgauge serve $(DATASET)

retrain: env  ## a month more of data: pipeline, registry, drift and reports/retrain.md
	@fuelgauge retrain

remote: env  ## keep DVC's cache elsewhere: make remote REMOTE=s3://bucket/path [ENDPOINT=https://...]
	@test -n "$(REMOTE)" || { echo "say where: make remote REMOTE=s3://bucket/path" >&2; exit 1; }
	@dvc remote add --local --force --default storage "$(REMOTE)"
	@$(if $(ENDPOINT),dvc remote modify --local storage endpointurl "$(ENDPOINT)")

pull: env  ## fetch data, trials and reports of dvc.lock from the remote
	@dvc pull

push: env  ## send data, trials and reports to the remote
	@dvc push

serve-tracking: env  ## an MLflow tracking server on this machine, which keeps the artifacts
	@mkdir -p $(TRACKING)
	@mlflow server --host 127.0.0.1 --port $(PORT) --workers $(WORKERS) --backend-store-uri $(BACKEND) \
		--artifacts-destination $(TRACKING)/artifacts

test: env lint  ## lint and the fast tests
	@python -m pytest

test-slow: env  ## the tests marked slow
	@python -m pytest -m slow

lint: env  ## ruff, the type checker and a linter of workflows
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports --no-cache --no-logo
	@jactionlint
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

docs: env  ## write the generated pages and build the site of documents in build/docs
	@python scripts/reference.py
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict
	@echo "open build/docs/index.html"

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
