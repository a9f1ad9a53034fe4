# The commands of this project; each sets up all that it needs.
.PHONY: setup demo serve layer check-deploy lock clean

PYTHON ?= python3
# They are meant for another Python, or would change what the checks mean.
unexport PYTHONHOME PYTHONPATH PYTHONOPTIMIZE PYTHONWARNINGS
.DEFAULT_GOAL := help
.PHONY: help
# A project that `s init` has made of the template has neither tests nor proof.
WHOLE := $(wildcard tests/run.sh)

ifeq ($(OS),Windows_NT)
$(error Windows itself is not supported, the local cloud freezes processes as POSIX systems do: install WSL and run make there)
endif
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
$(error $(PYTHON) is not installed: on Debian and Ubuntu run `apt-get install python3 python3-venv`)
endif

help:
	@echo "make demo    play the main job through on a local cloud, each step verified"
	@echo "make serve   run the local cloud in the foreground"
	@echo "make setup   what the others need: .venv and the layer"
	@echo "make layer   the layer and the code as they are deployed, with a report"
	@echo "make check-deploy   what would fail in the cloud, found before it is deployed"
	@echo "make lock    renew the lock files"
	@echo "make clean   remove all that was built"
ifdef WHOLE
	@echo "make test    every check: style, types, tests, coverage"
	@echo "make template   the package from which \`s init\` starts a project"
	@echo "make load    20,000 notifications while everything goes wrong, then every object read; takes minutes"
	@echo "make bench   what the function costs, beside a handler made of the SDKs' samples"
	@echo "make fuzz    hostile input for all that reads it; takes minutes"
	@echo "make audit   known vulnerabilities of every locked version"
endif

setup:
	@$(PYTHON) requirements/environments.py setup

demo: setup
	@.venv/bin/imm-label-tags demo

serve: setup
	@.venv/bin/imm-label-tags serve

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-header

lock: setup
	$(LOCK) layers/requirements.in -o layers/requirements.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) --constraints layers/requirements.txt --overrides requirements/overrides.txt \
		requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/audit.in -o requirements/audit.txt
	$(LOCK) requirements/fuzz.in -o requirements/fuzz.txt

layer: setup
	@.venv/bin/python -m layers.build

check-deploy: layer
	@.venv/bin/imm-label-tags check-deploy

clean:
	rm -rf .venv .venv-3.10 .venv-audit .venv-fuzz .tools layers/build deploy/template/package .localcloud .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

ifdef WHOLE
.PHONY: test template load bench fuzz audit

test:
	@$(PYTHON) requirements/environments.py test
	@$(PYTHON) requirements/serverless_devs.py
	@sh tests/run.sh

template: setup
	@.venv/bin/python -m deploy.template.build

load: setup
	@.venv/bin/python -m proof.load

bench: setup
	@.venv/bin/python -m proof.benchmarks

fuzz: setup .venv-fuzz
	@PYTHONPATH=.venv-fuzz .venv/bin/python -m proof.fuzz

# From its source atheris could only be built with a compiler of its own, so it is a wheel or none.
.venv-fuzz: requirements/fuzz.txt | setup
	@rm -rf $@
	@.venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: --target $@ -r $< || rm -rf $@

audit: setup
	@.venv/bin/python -m proof.audit
endif
