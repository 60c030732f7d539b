# make demo       the main job on built-in speech: distil, export int8, measure
# make test       all tests, the fast ones first
# make test-fast  a cross-section: the tests that are not marked slow
# make check      format, lint, types
# make bench      the figures of docs/results/speed.md
# make docs       the pages and pictures that are generated
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	  && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
# Compilers and emulator for the firmware; without them the tests that need them are skipped.
DEBIAN := gcc libc6-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
# C++, a fuzzer and a checker of memory, for the tests of the C.
TEST_DEBIAN := g++ clang libclang-rt-dev valgrind

.PHONY: demo test test-fast check bench docs clean firmware test-tools
.DEFAULT_GOAL := demo

$(READY): pyproject.toml requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; name one: make PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv --help >/dev/null 2>&1 && $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv; \
	  else echo "The Debian package python3-venv is needed: sudo apt-get install python3-venv"; exit 2; fi
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# $(call installed,TOOLS,PACKAGES,for what): installs Debian packages where a tool is missing.
define installed
@for tool in $(1); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
if [ -z "$$missing" ]; then :; \
elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends $(2) >/dev/null; \
else echo "$(3) needs Debian packages that are not here:$$missing. sudo apt-get install $(2)"; fi
endef

firmware:
	$(call installed,cc arm-none-eabi-gcc qemu-system-arm,$(DEBIAN),Firmware)

test-tools:
	$(call installed,g++ clang valgrind,$(TEST_DEBIAN),Testing the C)

demo: $(READY) firmware
	$(BIN)/pld-tf data demo demo/speech
	$(BIN)/pld-tf distill demo --data demo/speech --run-dir demo/run
	$(BIN)/pld-tf evaluate demo/run --data demo/speech
	$(BIN)/pld-tf export demo/run --int8 --layers --out demo/bundle
	@if command -v cc >/dev/null; then set -x; \
	  $(BIN)/pld-tf tune demo/bundle --data demo/speech; fi
	@if { command -v cc && command -v arm-none-eabi-gcc && command -v qemu-system-arm; } >/dev/null; then \
	  targets="--target tflite --target host --target cortex-m4"; fi; set -x; \
	$(BIN)/pld-tf bench demo/bundle --data demo/speech --out demo/report $$targets
	$(BIN)/pld-tf report demo/run demo/bundle --data demo/speech --out demo/report.html

# Workers take groups of tests in the order that tests/conftest.py gives them.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

test: $(READY) firmware test-tools
	$(PYTEST)

test-fast: $(READY) firmware test-tools
	$(PYTEST) -m "not slow"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright

bench: $(READY)
	$(BIN)/python tests/bench/pipeline.py
	$(BIN)/python tests/bench/determinism.py
	$(BIN)/python tests/bench/soft_labels.py

docs: $(READY)
	$(BIN)/python docs/make_cli.py > docs/cli.md
	$(BIN)/python docs/make_recipe_keys.py > docs/recipe_keys.md
	$(BIN)/python docs/make_plots.py
	$(BIN)/python docs/make_ladder.py > docs/ladder.svg

clean:
	rm -rf .venv demo build dist *.egg-info
