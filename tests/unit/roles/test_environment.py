"""The flask role's script, run as the role runs it, by every Python there is."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest

SCRIPT = (pathlib.Path(__file__).parents[3] / "roles" / "flask" / "files" / "environment.py").read_text()
PYTHONS = {
    version: shutil.which(f"python{version}")
    for version in ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
}


def runs(python):
    return (
        bool(python)
        and subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0
    )


HERE = {version: python for version, python in PYTHONS.items() if runs(python)}


@pytest.fixture(params=HERE.values(), ids=HERE.keys())
def python(request):
    return request.param


def run(python, folder, mode="make", pip_conf="[global]\n"):
    command = [python, "-c", SCRIPT, str(folder), mode]
    return subprocess.run(command, input=pip_conf, capture_output=True, text=True, check=False)


def test_made_once_and_found_sound_afterwards(python, tmp_path):
    folder = tmp_path / "deep" / "environment"
    planned = json.loads(run(python, folder, "check").stdout)
    assert not folder.exists()
    made = json.loads(run(python, folder).stdout)
    again = json.loads(run(python, folder).stdout)
    assert (planned["made"], made["made"], again["made"]) == (True, True, False)
    assert (made["configured"], again["configured"]) == (True, False)
    assert "pip" in again["installed"]
    assert (folder / "pip.conf").read_text() == "[global]\n"
    assert (folder / "pip.conf").stat().st_mode & 0o777 == 0o600


def test_new_settings_are_written_without_making_it_anew(tmp_path):
    python = next(iter(HERE.values()))
    run(python, tmp_path / "environment")
    answer = json.loads(run(python, tmp_path / "environment", pip_conf="[global]\nindex-url = x\n").stdout)
    assert (answer["made"], answer["configured"]) == (False, True)
    assert "index-url = x" in (tmp_path / "environment" / "pip.conf").read_text()


def test_half_made_environment_is_made_anew(tmp_path):
    python = next(iter(HERE.values()))
    (tmp_path / "environment" / "bin").mkdir(parents=True)
    (tmp_path / "environment" / "pyvenv.cfg").write_text("version = 2.7\n")
    assert json.loads(run(python, tmp_path / "environment").stdout)["made"]
    assert not json.loads(run(python, tmp_path / "environment").stdout)["made"]


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "notes" / "mine").mkdir(parents=True)
    (tmp_path / "notes" / "mine" / "note.txt").write_text("keep me")
    refused = run(next(iter(HERE.values())), tmp_path / "notes")
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("Name a folder that is empty or not there.")
    assert (tmp_path / "notes" / "mine" / "note.txt").read_text() == "keep me"
