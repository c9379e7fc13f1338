# make: set up and run the demo.  make test: set up and run the tests.  Each works on a fresh machine.

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
RUN := $(VENV)/Scripts/python
else
RUN := $(VENV)/bin/python
endif
READY := $(VENV)/ready

.PHONY: demo test test-thorough mutants check book labs bench clean

demo: $(READY)
	$(RUN) -m compare

test: $(READY)
	$(RUN) tests/halves.py

# 5,000 examples of every property, but where one is dear; takes an hour or two
test-thorough: $(READY)
	$(RUN) -m pytest --hypothesis-profile=thorough

# the tests against every wrong version of the code, one edit away from it; takes some minutes
mutants: $(READY)
	$(RUN) -m pytest -s --mutants

check: $(READY)
	$(RUN) -m compare check

# each layer's equations, NumPy, torch and numbers on a page: open book/index.html
book: $(READY)
	$(RUN) -m compare book

# every lab over three seeds on both sides, into the logs that their pages show; takes about ten minutes
labs: $(READY)
	$(RUN) -m compare lab --all --seeds 3 --log compare/labs/logs

# NumPy's speed and memory beside torch's; takes some minutes, on a machine that does nothing else
bench: $(READY)
	$(RUN) -m compare bench

# torch first and alone, so that nothing else pulls in another torch
$(READY): requirements.txt
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, as in: make PYTHON=python3.12' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet "$$(grep '^torch==' requirements.txt)"
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -c "import pathlib; pathlib.Path('$(READY)').touch()"

clean:
	$(PYTHON) -c "import shutil; shutil.rmtree('$(VENV)', ignore_errors=True)"
