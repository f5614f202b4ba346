# The two first commands of the README. Each does all the set-up that a fresh machine with Python and make needs.
#   make demo         analyse a sample and name the report
#   make test         everything that is checked on every change
#   make check        the same without the tests: formatting, lint, types, import rules
#   make acceptance   the long measurements behind the figures in the docs (needs ../shared/data)
#   make reproduce    the paper's tables and figures, from stored results; anew (hours) with FRESH=1
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
DATA ?= ../shared/data

.PHONY: demo test check acceptance reproduce clean

demo: $(VENV)/demo.stamp
	$(BIN)/classmood demo --out out/demo

# Where the environment forbids it, the many commands that tests run would each compile the package anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check src tests benchmarks examples hatch_build.py web
	$(BIN)/ruff check src tests benchmarks examples hatch_build.py web
	$(BIN)/mypy src/classmood
	$(BIN)/lint-imports

acceptance: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/acceptance.py --data $(DATA)

reproduce: $(VENV)/dev.stamp
	$(BIN)/classmood reproduce all --out docs/reproduction $(if $(FRESH),--fresh \
		--data $(DATA)/ferplus --video $(DATA)/london/class20.mp4)

# The demo installs what a user gets; the tests add training and the checks.
$(VENV)/demo.stamp: pyproject.toml constraints.txt hatch_build.py web/model_build.py web/page_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo]"
	$(BIN)/python -c "import pathlib; pathlib.Path('$@').touch()"

$(VENV)/dev.stamp: pyproject.toml constraints.txt hatch_build.py web/model_build.py web/page_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo,archive,experiment,server,train,dev]"
	$(BIN)/python -c "import pathlib; pathlib.Path('$@').touch()"

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('$(VENV)', 'build', 'dist', 'out')]"
