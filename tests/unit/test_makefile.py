# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make setup` and `make clean`, in a checkout whose path has blanks, beside another checkout."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

import pytest
import yaml
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run

ROOT = pathlib.Path(__file__).parents[2]
# Makes a virtual environment with a pip that installs nothing.
PYTHON = """#!/bin/sh
[ "$1" = -m ] || exec {python} "$@"
{python} -m venv --without-pip "$3" && printf '#!/bin/sh\\n' > "$3/bin/pip" && chmod +x "$3/bin/pip"
"""
# A docker engine with a machine of this checkout and one of another checkout. It records what it should remove.
DOCKER = """#!/bin/sh
case "$1 $2" in
  'ps '*)
    for argument; do
      case $argument in
        'label=flasklaunch.ec2.checkout={checkout}') echo own; exit ;;
        label=*) exit ;;
      esac
    done
    printf 'own\\nanother\\n' ;;
  'image ls') echo image ;;
  'image rm') shift 2; echo "image $*" >> {log}; exit 1 ;;
  'rm '*) shift; echo "$*" >> {log} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "my checkouts" / "it's flask"
    shutil.copytree(ROOT / "files" / "demo", folder / "files" / "demo")
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "cores.sh", folder / "tests")
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def make(checkout, *arguments, path=""):
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    status, printed = run("make", *arguments, cwd=checkout, env=environment)
    assert status == 0, printed
    return printed


def test_setup_links_the_checkout(checkout, tmp_path):
    python = program(tmp_path / "bin" / "python", PYTHON.format(python=sys.executable))
    make(checkout, "setup", f"PYTHON={python}")
    (link,) = checkout.glob(".venv/lib/python*/site-packages/ansible_collections/flasklaunch/ec2")
    assert link.resolve() == checkout.resolve()


def test_clean_removes_only_files_of_this_checkout(checkout, tmp_path):
    log = tmp_path / "removed"
    docker = program(tmp_path / "bin" / "docker", "")
    docker.write_text(DOCKER.format(checkout=str(checkout.resolve()).replace("'", "'\\''"), log=log), encoding="utf-8")
    said = make(checkout, "clean", path=docker.parent)
    # Without --force, docker removes the image only if no container uses it.
    assert log.read_text(encoding="utf-8").splitlines() == ["--force own", "image image"]
    assert "because a machine of another checkout uses it" in said


def test_a_machine_has_the_label_by_which_clean_knows_it():
    (play,) = yaml.safe_load((ROOT / "files" / "demo" / "create.yml").read_text(encoding="utf-8"))
    container = play["tasks"][0]["community.docker.docker_container"]
    assert container["labels"] == {"flasklaunch.ec2.checkout": "{{ (playbook_dir ~ '/../..') | realpath }}"}
