# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make setup   the virtual environment .venv, with this checkout as the collection flasklaunch.ec2 in it
#   make demo    from nothing to a served page, on a local machine and a local EC2 API that stand in for AWS
#   make test    all that CI checks, but for ansible-test and the scenarios with every ansible-core; `make lint`,
#                `importer`, `sanity`, `units`, `unit`, `pythons`, `molecule` and `e2e` are its parts
#   make quick   the fast part of it, for after each change
#   make clean   remove everything that the commands above made for this checkout
#
#   make site    the pages, and the documentation of modules, roles and plugins, as a small static site
#   make docs, outputs, constraints, benchmark, mutants   see CONTRIBUTING.md

# Another ansible-core for any target, in a virtual environment of its own: CORE=2.18, the `oldest` that meta/runtime.yml
# admits, or the `newest` there is.
CORE ?=
ifdef CORE
RELEASE := $(shell tests/cores.sh release $(CORE))
PYTHON := $(shell tests/cores.sh python $(RELEASE))
ifeq ($(PYTHON),)
$(error no Python for ansible-core $(CORE))
endif
endif
# The system's Python, if it can make virtual environments. One of pyenv, built without optimizations, takes a third longer.
SYSTEM = $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.version_info < (3, 10) or print(sys.executable)' 2> /dev/null)
PYTHON ?= $(or $(SYSTEM),python3)
VENV := .venv$(addprefix -,$(RELEASE))
STATE := .demo
TESTS ?= tests/unit
MODULES ?= _kernel/netlink _kernel/sock_diag _kernel/proc_net _firewall/nftables
SETUP := $(VENV)/.done

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH):/usr/sbin:/sbin
# Python saves what it has compiled, even if this shell forbids it. Otherwise each ansible-playbook compiles Ansible again,
# which takes a second.
export PYTHONDONTWRITEBYTECODE :=
# The collection's scenarios are in the root folder molecule/. Without this, molecule warns of it on every call.
export MOLECULE_GLOB := molecule/*/molecule.yml
export MOLECULE_COMMAND_BORDERS := false

.PHONY: help setup image debian machine peers demo test quick lint docs site outputs importer sanity units unit mutants pythons molecule e2e benchmark constraints clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(SETUP)
	@[ ! -e ~/.ansible/collections/ansible_collections/flasklaunch/ec2 ] || \
	  echo "Note: the copy in ~/.ansible/collections/ansible_collections/flasklaunch/ec2 is used instead of this checkout." >&2

$(SETUP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) is older than 3.10, which ansible needs. Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) has no venv module. Debian and Ubuntu have it in the package python3-venv." >&2; exit 1; }
	@echo 'Installing ansible and what the demo needs into $(VENV): a minute or two.'
	@# Not compiled: of the collections' many files few are ever run, and Ansible compiles those itself.
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile $(and $(RELEASE),'ansible-core==$(RELEASE).*') -r requirements.txt
	site=$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  mkdir -p "$$site/ansible_collections/flasklaunch" && \
	  ln -sfn "$$PWD" "$$site/ansible_collections/flasklaunch/ec2"
	touch $@

# A docker engine, and the image of the local machine.
image:
	@files/demo/engine.sh $(STATE)
	@files/demo/image.sh yum

# The image of the Debian machine, which only the scenarios below need: default, applications and https.
debian: image
	@files/demo/image.sh debian

machine: setup image

demo: machine
	ansible-playbook files/demo/create.yml -i inventory
	python files/demo/ec2.py start $(STATE)
	python files/demo/ec2.py launch flasklaunch-demo
	ansible-playbook site.yml -i inventory
	@echo
	@echo 'http://127.0.0.1:5000/ answers:'
	@curl --silent --show-error --noproxy '*' http://127.0.0.1:5000/
	@echo 'and the machine listens on:'
	@ansible demo -i inventory -m listening_ports | sed -n "s/^ *- '\{0,1\}\(\(Active\|Proto\|tcp\) [^']*\)'\{0,1\}$$/\1/p"
	@echo
	@echo 'Now you: . .venv/bin/activate, then ansible-playbook site.yml -i inventory; `make clean` removes it all.'

# Two parts run at a time. They share only what is made before them. The machines of the scenario pythons get the Pythons of
# this computer; if it has only the system's, the scenario is left out. It runs with the oldest ansible-core, because only
# that one manages the oldest Python, if a Python for it is installed here. The part unit runs all unit tests, units those of
# the modules, for which ansible-test restricts what can be imported. The second lane installs the peers before a part that
# needs them begins.
OLDEST = $(if $(shell tests/cores.sh python $$(tests/cores.sh release oldest) 2> /dev/null), CORE=oldest)
LENT = $(if $(shell tests/pythons.sh 2> /dev/null | grep -v ' /usr/'),'molecule-pythons$(OLDEST)')
SCENARIOS := $(patsubst molecule/%/molecule.yml,molecule-%,$(wildcard molecule/*/molecule.yml))
LONGEST := molecule-releases peers e2e molecule-applications molecule-diagnosis pythons sanity
test:
	@tests/peers.sh venv
	@tests/parts.sh setup debian -- $(LONGEST) unit $(LENT) 'units TESTS=tests/unit/plugins/modules/' $(filter-out $(LONGEST) molecule-pythons,$(SCENARIOS)) importer lint

lint: setup
	ruff check
	ruff format --check
	mkdir -p $(STATE)/mypy/ansible_collections/flasklaunch && ln -sfn "$$PWD" $(STATE)/mypy/ansible_collections/flasklaunch/ec2
	mypy
	yamllint .
	codespell --dictionary - --dictionary .config/words.txt
	shellcheck files/demo/*.sh tests/*.sh tests/site/*.sh tests/unit/*.sh .ci/run
	ANSIBLE_HOST_PATTERN_MISMATCH=warning ansible-lint # it checks playbooks without an inventory
	antsibull-changelog lint
	python tests/role_tables.py --check
	python tests/links.py README.md CONTRIBUTING.md docs/*.md roles/*/README.md
	@# It copies amazon.aws out of $(VENV) by what git knows there, unless git does not look for a checkout so far up.
	GIT_CEILING_DIRECTORIES="$$PWD" antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent .

# The tables of variables in the roles' README.md.
docs: setup
	python tests/role_tables.py

# Also fails for a broken link.
site: setup
	@tests/site/build.sh $(STATE)

# The outputs in README.md and docs/, from the demo.
outputs: machine
	python tests/outputs.py

# What Galaxy does with an upload, on the built artifact; a warning fails it.
importer: setup
	tests/importer.sh $(STATE)

# ansible-test's own checks, and the unit tests as it runs them.
sanity units: setup peers
	tests/ansible_test.sh $(VENV) $(STATE) $@ $(filter-out tests/unit,$(TESTS))

# What the tests compare with.
peers:
	@tests/peers.sh nft iptables chromium

# After each change: the logic, in some 15 seconds.
quick: setup
	ruff check
	ruff format --check
	yamllint .
	pytest -q -n 4 tests/unit/plugins/module_utils tests/unit/plugins/plugin_utils --ignore-glob='*_kernel.py'

# Fails if fewer than 95 % of the lines and branches of plugins/ are run; settings are in pyproject.toml. Not on more
# processes than cores: each collects all tests, which costs more than they wait.
unit: setup peers
	pytest -n auto $(TESTS) --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

# Changes of one place that the tests of a module do not notice, minutes for each module:
# `make mutants MODULES="_kernel/netlink _firewall/iptables"`.
mutants: setup
	@# Not into the virtual environment: xdist, too, would give its processes names with blanks, as mutmut wants for its own.
	@[ -e $(STATE)/mutmut ] || $(VENV)/bin/pip install --quiet --disable-pip-version-check --target $(STATE)/mutmut 'mutmut>=3.8,<4'
	@PYTHONPATH="$$PWD/$(STATE)/mutmut" tests/mutants.sh $(STATE)/mutants $(MODULES)

# What runs on managed nodes, on every other Python from 3.7 on that this machine has.
pythons: setup peers
	tests/unit/every_python.sh $(STATE)

molecule: $(SCENARIOS)

molecule-default molecule-applications molecule-https: debian
molecule-%: machine
	molecule test -s $*

# The whole product as a user meets it: make demo, bad input, teardown, the built artifact.
e2e: machine
	pytest tests/e2e

# The figures in docs/benchmarks.md. It takes a few minutes and needs an idle machine.
benchmark: machine
	@[ -x $(STATE)/pyinfra/bin/pyinfra ] || { $(PYTHON) -m venv $(STATE)/pyinfra && \
	  $(STATE)/pyinfra/bin/pip install --quiet --disable-pip-version-check 'pyinfra>=3,<4'; }
	@tests/peers.sh wrk curl
	@PATH="$$PATH:$(STATE)/pyinfra/bin"; export EC2_PORT=16149; missed=; \
	for each in site listening_ports serving reachability security_group; do \
	  echo "$$each:"; python tests/benchmark/$$each.py || missed="$$missed $$each"; \
	done; [ -z "$$missed" ] || { echo "Goals were missed by:$$missed"; exit 1; }

# New versions for every Python that the flask role serves.
constraints: setup
	$(VENV)/bin/pip install --quiet --disable-pip-version-check uv
	{ sed '/^[^#]/d' files/constraints.txt; printf 'flask\ngunicorn\n' | \
	  uv pip compile - --quiet --universal --python-version 3.7 --generate-hashes --no-header | \
	  awk '/^[^ ]/ { skip = /win32/ } !skip'; } > .constraints
	mv .constraints files/constraints.txt

clean:
	@[ ! -e $(STATE)/ec2.pid ] || python files/demo/ec2.py stop $(STATE)
	@if docker info > /dev/null 2>&1; then \
	  docker ps --all --quiet --filter "label=flasklaunch.ec2.checkout=$$(pwd -P)" | xargs -r docker rm --force > /dev/null; \
	  docker image ls --quiet --filter reference='flasklaunch-*' | xargs -r docker image rm > /dev/null 2>&1 || \
	    echo 'The image of the local machines stays, because a machine of another checkout uses it.'; \
	fi
	@files/demo/engine.sh stop $(STATE)
	rm -rf .venv .venv-* $(STATE) .ruff_cache .ansible
