# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ansible-galaxy collection build` packs only the collection, even if the checkout contains other files."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tarfile

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run

ROOT = pathlib.Path(__file__).parents[2]
# Files in git that users of the artifact do not need: tests, the demo, and the inventories that users edit.
WORKSHOP = (".", "Makefile", "ansible.cfg", "changelogs/fragments/", "files/demo/", "galaxy.yml", "inventory/")
WORKSHOP += ("inventory-ec2/", "molecule/", "pyproject.toml", "requirements.txt", "site.yml", "tests/")
# Files that users add.
OWN = [
    "my-inventory/hosts.yml",
    "my-inventory/group_vars/all.yml",
    "inventory-ec2/group_vars/vault.yml",
    "inventory-prod/hosts.ini",
    "group_vars/all/vault.yml",
    "host_vars/my-site.yml",
    "playbooks/group_vars/webservers/vault.yml",
    "playbooks/mine.yml",
    "roles/mine.yml",
    "roles/mine/tasks/main.yml",
    "roles/mine/vars/main.yml",
    "roles/webserver/vars/vault.yml",
    "my-app/my_app.py",
    "vault-password",
    "my-key.pem",
    "hosts",
    "exposure.html",
    "exposure.json",
    "diagnosis.html",
    "diagnosis.json",
    "playbooks/diagnosis.json",
    "files/wheels/shop-1.0-py3-none-any.whl",
    "plugins/modules/__pycache__/release.cpython-311.pyc",
    "roles/webserver/.env",
    ".env",
    "docs/notes.txt",
]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The files in the artifact of a checkout that also has files of a user, and the files in git."""
    folder = tmp_path_factory.mktemp("a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    tracked = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    if not tracked:
        pytest.skip("this is no checkout")
    for name in tracked + OWN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name in tracked:
            shutil.copyfile(ROOT / name, folder / name)
        else:
            (folder / name).write_text("secret\n", encoding="utf-8")
    # `make setup` makes such a link in the virtual environment: to the checkout that contains it.
    (folder / ".venv").mkdir()
    (folder / ".venv" / "ec2").symlink_to(folder)
    status, printed = run("ansible-galaxy", "collection", "build", "--output-path", str(folder / ".built"), cwd=folder)
    assert status == 0, printed
    with tarfile.open(next((folder / ".built").glob("*.tar.gz"))) as archive:
        names = {each.name for each in archive if each.isfile()} - {"FILES.json", "MANIFEST.json"}
    return names, set(tracked)


def test_files_of_the_user_are_not_packed(packed):
    names, tracked = packed
    assert names - tracked == set()


def test_the_whole_collection_is_packed(packed):
    names, tracked = packed
    assert names == {name for name in tracked if not name.startswith(WORKSHOP)}
