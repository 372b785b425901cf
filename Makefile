# Two commands are enough for a newcomer: make demo, make test. Both set up .venv first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One thread a test process: two processes already fill two cores.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 GX_ANALYTICS_ENABLED=false

.PHONY: demo demo-real gpu test install base check reference bench figures images faults mutants proof clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     watch the whole loop on the bundled sample (about 3 minutes on 2 cores)"
	@echo "make demo-real  the loop on 800 real messages and SmolLM2-135M (brings it first: 93 MB)"
	@echo "make test     run the test suite (about 10 minutes on 2 cores)"
	@echo "make install  set up the commands curate, train, validate, refresh and tilth for your own data"
	@echo "make base     bring a small open model to tune (SmolLM2-135M, 93 MB, Apache-2.0)"
	@echo "make check    ruff, the type checker, what editors see, and the rule of imports"
	@echo "make reference  docs/reference, written from the code"
	@echo "make bench    timings and recall, written to benchmarks/results/"
	@echo "make images   the pictures of the README, from the demo (needs chromium)"
	@echo "make figures  the tables of figures, from benchmarks/results/"
	@echo "make faults   the fault classes at full counts, written to benchmarks/results/"
	@echo "make mutants  every guard against a silent failure removed in turn: a test must fail (about 6 minutes)"
	@echo "make gpu      what only an NVIDIA card can show, in 8 minutes: make gpu PYTHON=... WHEELS=FOLDER"
	@echo "make proof    what pushback gives on a real base: make proof DATA=FOLDER, resumable; the hours first"

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "setup: creating $(VENV) and installing Tilth with pip (once; a few minutes, about 2 GB)"
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("setup: Python 3.11 or newer is needed; say: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --editable .
	@echo "setup: compiling what reads data (once; half a minute)"
	@$(BIN)/tilth doctor data/sources/questions.jsonl.zst --out $(VENV)/doctor >/dev/null
	@touch $@
	@echo "setup: done"

$(VENV)/.developer: $(VENV)/.installed
	@echo "setup: adding what the tests need (once)"
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/tilth demo

demo-real: base
	@$(BIN)/tilth demo --real

test: $(VENV)/.developer
	@$(TEST_ENV) $(BIN)/python -m pytest -n 2

install: $(VENV)/.installed
	@$(BIN)/python -m tilth.workbench.install

base: $(VENV)/.installed
	@$(BIN)/tilth base smollm2-135m

check: $(VENV)/.developer
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@MYPYPATH=src $(BIN)/mypy -p tilth
	@$(BIN)/python -m tests.editors
	@$(TEST_ENV) $(BIN)/python -m pytest tests/test_house.py

reference: $(VENV)/.developer
	@$(TEST_ENV) $(BIN)/python -m tilth.workbench.reference

bench: $(VENV)/.developer
	@$(BIN)/python -m benchmarks.bench

images: $(VENV)/.developer
	@$(BIN)/tilth demo --dir build/demo
	@$(BIN)/python -m docs.pictures build/demo

figures: $(VENV)/.developer
	@$(BIN)/python -m benchmarks.tools.figures

faults: $(VENV)/.developer
	@TILTH_FULL=1 $(TEST_ENV) $(BIN)/python -m benchmarks.faults

mutants: $(VENV)/.developer
	@$(BIN)/python -m benchmarks.mutants

# Needs no set-up: whatever python has CUDA's torch; WHEELS names a folder of what else Tilth imports.
gpu:
	@PYTHONPATH=src:. $(PYTHON) -m benchmarks.gpu $(if $(WHEELS),--wheels $(WHEELS))

proof: $(VENV)/.developer
	@$(BIN)/python -m benchmarks.proof.sample
	@$(BIN)/python -m benchmarks.proof $(if $(DATA),run $(DATA),judge)

clean:
	rm -rf $(VENV) build *.egg-info
