# One page, no logic. `.ci/run` calls `make check`, so CI never knows more than a laptop.
PYTHON ?= $$(tools/interpreter.sh) # or name one: make setup PYTHON=python3
SEEDS  ?= 200
BIN    := .venv/bin
E2E    := tests/e2e tests/jepsen tests/security # where real processes are started
FILES  := --dist loadfile --no-loadscope-reorder # a file at a time, in the order of tests/conftest.py
TWO    := -n 2 $(FILES) # workers for two cores
THREE  := -n 3 $(FILES) # a test of processes waits for as long as it works
SHELL  := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Tests start hundreds of nodes; each would compile the whole package again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test static unit setup e2e campaigns watch jepsen bench bench-micro sim sim-mutants cluster proto proto-check format format-check lint types imports docs docs-check check lock clean

help: ## print the targets
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: .setup-done ## three nodes over TLS take a real file of payouts, lose the leader, lose nothing
	$(BIN)/python -m examples.demo

test: .setup-done ## every test that CI runs: unit, tables, models, end to end, a minute of fault injection
	$(BIN)/python -m pytest -q $(TWO) -m "not e2e"
	$(BIN)/python -m pytest -q $(THREE) -m "e2e and not alone" $(E2E)
	$(BIN)/python -m pytest -q -m "e2e and alone" $(E2E)

unit: .setup-done ## the fast part of test
	$(BIN)/python -m pytest -q $(TWO) -m "not e2e and not slow"

e2e: .setup-done ## real processes only; what measures time runs alone
	$(BIN)/python -m pytest -q $(THREE) -m "e2e and not alone" $(E2E)
	$(BIN)/python -m pytest -q -m "e2e and alone" $(E2E)

campaigns: .setup-done ## the e2e tests of many rounds at their full length; CI runs them shorter
	LEDGERD_ROUNDS=full $(BIN)/python -m pytest -q -s -m "e2e and rounds" $(E2E)

watch: .setup-done ## 50 leaders killed while events are watched: each is received once
	LEDGERD_KILLS=50 $(BIN)/python -m pytest -q -s tests/e2e/test_watch.py -k killed

jepsen: .setup-done ## every nemesis against the workloads, within five minutes
	$(BIN)/python -m jepsen run-all --budget 5m

bench: .setup-done ## the macro benchmark, etcd beside us where it is installed
	$(BIN)/python -m benchmarks.macro

bench-micro: .setup-done ## apply and its parts in one process: microseconds a payout
	$(BIN)/python -m benchmarks.micro

sim: .setup-done ## SEEDS=200 simulated clusters under faults; fails if a rare path was never taken
	$(BIN)/ledgerd simulate --seeds $(SEEDS) --jobs 2 --marks

sim-mutants: .setup-done ## plant each known bug in turn; the simulator must find every one
	$(BIN)/python -m tests.simulation.mutations

cluster: .setup-done ## three local nodes in the foreground; prints how to talk to them
	$(BIN)/ledgerd dev --nodes 3 --dir run/cluster

setup: .setup-done ## install the locked dependencies, then the package

.setup-done: constraints.txt pyproject.toml
	$(BIN)/python -c "import pip" 2>/dev/null || { python="$(PYTHON)" && $$python -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch .setup-done

proto: .setup-done ## generate the protobuf code again
	proto/generate.sh

proto-check: .setup-done ## fail if the committed generated code is not what proto/ gives
	proto/check.sh

format: .setup-done ## ruff format
	$(BIN)/ruff format .

format-check: .setup-done
	$(BIN)/ruff format --check .

lint: .setup-done ## ruff check
	$(BIN)/ruff check .

types: .setup-done ## mypy --strict
	$(BIN)/mypy

imports: .setup-done ## the floors
	$(BIN)/lint-imports

docs: .setup-done ## write the generated pages of docs/ again
	$(BIN)/python -m tools.generated_docs

docs-check: .setup-done ## fail if a generated page or a reference in docs/ is stale
	$(BIN)/python -m pytest -q tests/architecture

static: ## what needs no run: format, lint, types, floors, generated code; two at a time
	$(MAKE) -j2 --output-sync=target format-check lint types imports proto-check

check: .setup-done ## everything CI does; docs-check is part of test
	$(MAKE) static
	$(MAKE) test

lock: .setup-done ## pin the newest versions again, with hashes and without index hosts
	$(BIN)/python -m tools.lock_inputs | $(BIN)/pip-compile --quiet --upgrade --allow-unsafe \
	  --generate-hashes --strip-extras --no-annotate --no-header --no-emit-options --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host -o constraints.txt -

clean: ## remove build outputs and run directories
	rm -rf .venv .setup-done run store .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
