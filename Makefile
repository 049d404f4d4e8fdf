# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make setup   the virtual environment .venv, with this checkout as the collection flasklaunch.ec2 in it
#   make demo    from nothing to a served page, on a local machine and a local EC2 API that stand in for AWS
#   make test    everything that CI checks; `make lint`, `make unit`, `make molecule` and `make e2e` are its parts
#   make clean   remove all that the above made

PYTHON ?= python3
STATE := .demo
SETUP := .venv/.done

export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
# The root molecule/ folder is where the collection's scenarios are; without this molecule warns of it on every call.
export MOLECULE_GLOB := molecule/*/molecule.yml

.PHONY: setup machine demo test lint unit molecule e2e constraints clean

setup: $(SETUP)

$(SETUP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) is older than 3.10, which ansible needs. Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) has no venv module. Debian and Ubuntu have it in the package python3-venv." >&2; exit 1; }
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	.venv/bin/python files/link.py
	touch $@

# A docker engine, and the image of the local machine.
machine: setup
	@files/demo/engine.sh $(STATE)
	@files/demo/image.sh

demo: machine
	ansible-playbook files/demo/create.yml -i inventory
	python files/demo/ec2.py start $(STATE)
	python files/demo/ec2.py launch flasklaunch-demo
	ansible-playbook site.yml -i inventory
	@files/demo/show.sh

test: lint unit molecule e2e

lint: setup
	ruff check
	ruff format --check
	yamllint .
	shellcheck files/demo/*.sh .ci/run
	ansible-lint --offline
	antsibull-changelog lint

unit: setup
	pytest tests/unit

molecule: machine
	molecule test --all

e2e: machine
	pytest tests/e2e

# New versions for every Python that the flask role serves.
constraints: setup
	files/constraints.sh

clean:
	@files/demo/clean.sh $(STATE)
	rm -rf .venv $(STATE) .pytest_cache .ruff_cache .ansible
