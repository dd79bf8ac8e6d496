# The commands for local use and CI. Run `make` to list them.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
request ?= churn
DEMO := churn electricity topics news groceries detect

.DEFAULT_GOAL := help
.PHONY: help run demo test browser check lab bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY)  ## run a request (default: request=churn) and print the path of its report
	$(BIN)/glassbox run $(request)

demo: $(READY)  ## run one request per kind of task at low cost (25 minutes on two cores)
	for name in $(DEMO); do $(BIN)/glassbox run $$name --set cost=low || exit 1; done
	@echo "All reports: reports/index.html"

test: $(READY) browser  ## install a browser if needed, and run all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile
	$(BIN)/python -m pytest --doctest-modules src/glassbox

# Debian's package where apt can be used, which also brings the libraries of the browser; elsewhere Playwright's own build.
browser: $(READY)
	@command -v chromium >/dev/null || { apt-get --version >/dev/null 2>&1 && test "$$(id -u)" = 0 && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
		|| $(BIN)/playwright install chromium \
		|| echo "No browser could be installed: the tests in tests/browser and tests/lab that need Chromium will fail."

check: $(READY)  ## run ruff, mypy (strict) and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

lab: $(READY)  ## open the notebooks in JupyterLab with the products of the last run (default: request=churn)
	$(BIN)/glassbox lab $(request)

bench: $(READY)  ## run the benchmarks and print a table
	$(BIN)/python bench/bench.py

lock: $(READY)  ## update requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --generate-hashes --no-header \
		pyproject.toml --output-file requirements.lock

clean: $(READY)  ## remove the outputs and cached results of all runs; data is not removed
	$(BIN)/glassbox clean --store
