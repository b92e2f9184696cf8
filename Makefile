# `make demo` and `make test` do all the set-up they need; see README.md.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ENGINE ?= $(notdir $(shell command -v docker || command -v podman))

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench detection guard torture crash soak image lock clean

help: ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(VENV)/.ready ## Make the virtual environment

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tidegate needs Python 3.11 or newer; say which one: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Deploy a healthy, a leaking and a fixed revision on this machine
	@$(BIN)/python examples/demo.py

test: check ## Run all checks and tests
	$(BIN)/python -m pytest -n $(or $(WORKERS),$(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() or 1, 8))')) \
	  --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Measure speed against the same work done by hand
	$(BIN)/python -m benchmarks

detection: setup ## Measure what the judge finds and what it leaves alone, into docs/detection.md
	$(BIN)/python -m benchmarks.detection --write docs/detection.md

guard: setup ## Measure what the guard finds in days and how often it errs, into docs/guard.md
	$(BIN)/python -m benchmarks.guard --write docs/guard.md

torture: setup ## Try SCHEDULES random interleavings of deployers, operators and faults, drawn by SEED
	TORTURE_SCHEDULES=$(or $(SCHEDULES),20000) $(BIN)/python -m pytest tests/torture -q -n auto \
	  --hypothesis-seed=$(or $(SEED),0)

crash: setup ## Kill a rollout at every point there is, and take it up again both ways
	CRASH_POINTS=all $(BIN)/python -m pytest -q tests/crash

soak: setup ## Do ROLLOUTS rollouts in a row with faults drawn by SEED, and see that nothing is left behind
	PYTHONPATH=tests $(BIN)/python -m crash.soak --rollouts $(or $(ROLLOUTS),200) --seed $(or $(SEED),1)

image: setup ## Build IMAGE, with tidegate in it, on BASE if given, with docker or podman
	@test -n "$(IMAGE)" || { echo "say how the image is called: make image IMAGE=REGISTRY/NAME:TAG" >&2; exit 2; }
	@test -n "$(ENGINE)" || { echo "neither docker nor podman is on the PATH; one of them is needed to build an image" >&2; exit 2; }
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .
	$(ENGINE) build --file infra/image/Dockerfile --tag $(IMAGE) $(if $(BASE),--build-arg BASE=$(BASE)) .

lock: setup ## Resolve the locked requirements again
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra local --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml --constraints requirements/dev.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements/run.txt

clean: ## Remove what was made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
