# Two commands for a newcomer: `make demo` and `make test`. Both need Python 3.11+, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the install depends on; a later `make` with none of it changed installs nothing.
INSTALL := setup.py pyproject.toml constraints.txt
EXECUTED := $(patsubst %,build/%,$(wildcard notebooks/*.ipynb))

.PHONY: demo test test-all coverage lint docs wheel-check ci clean fuzz faults audit

# Train; choose the threshold on training subjects that a second run leaves out; measure in the stream.
demo: $(VENV)/.installed
	$(BIN)/python -m pskd_tf.train --flagfile=configs/demo.flags
	$(BIN)/python -m pskd_tf.train --flagfile=configs/demo.flags --protocol=validation --seeds=1 --run_dir=runs/demo_validation
	$(BIN)/python -m pskd_tf.simulate --run_dir=runs/demo --choose_threshold --validation_run=runs/demo_validation
	$(BIN)/python -m pskd_tf.simulate --run_dir=runs/demo --idle_hours=1
	$(BIN)/python -m pskd_tf.report --run_dir=runs/demo

# A worker for each core, four at most: each holds a TensorFlow of its own, up to 2 GB. All tests of
# a file run in one worker, so that what they share is made once; tests/conftest.py orders the files.
PYTEST := -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

# What tells within six minutes on two cores that the product is sound.
test: lint
	$(BIN)/python $(PYTEST) -m "not slow"

# Everything: every config, every kill, notebooks, the documentation's commands, emulated cores.
test-all: lint
	$(BIN)/python $(PYTEST)

# The share of the product's lines that test-all reaches, in its processes as well.
coverage: $(VENV)/.installed-test
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Changed files for every reader; guided by coverage where atheris is installed (the extra "fuzz").
FUZZ_INPUTS ?= 10000
FUZZ_PATH := tests/fuzz:tests/miniature_sets:tests/stored_run:tests/support
fuzz: $(VENV)/.installed-test
	PYTHONPATH=$(FUZZ_PATH) $(BIN)/python tests/fuzz/campaign.py --inputs=$(FUZZ_INPUTS)

# Kills, signals, full disks and damaged files on short runs; an hour and more.
faults: $(VENV)/.installed-test
	PYTHONPATH=tests/support $(BIN)/python tests/faults/campaign.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile=pyproject.toml --recursive data_prep pskd_tf benchmarks docs

# Known weaknesses of the pinned dependencies; asks the advisory service of PyPI. Where that does not
# answer, or does not know a package, nothing was audited: the last line of pip-audit is the reason.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet --disable-pip-version-check "pip-audit>=2.10,<3"
	@build/audit/bin/pip-audit --requirement=constraints.txt --no-deps --disable-pip --strict \
	  --progress-spinner=off 2> build/audit/errors || { grep "^Found" build/audit/errors || \
	  echo "error: An audit needs PyPI's advisory service. Received: $$(tail -n 1 build/audit/errors)"; \
	  exit 1; } >&2

docs: $(VENV)/.installed-test $(EXECUTED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The notebooks' test leaves them executed for the site; after `make test-all` there is nothing to do.
$(EXECUTED) &: $(wildcard notebooks/*.ipynb) $(shell find data_prep pskd_tf -name '*.py')
	$(BIN)/python $(PYTEST) tests/notebooks

# The wheel in an empty environment and an empty folder: train, evaluate, export, report.
wheel-check: $(VENV)/.installed
	$(BIN)/python tests/wheel/check_wheel.py

# What continuous integration runs; later parts of the project join here.
ci: test-all docs firmware wheel-check

$(VENV)/.installed: $(INSTALL)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info

include microcontroller/firmware.mk
