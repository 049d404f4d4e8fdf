"""The module with a real pip, for each installed Python.

The environments are made at their final path, as for a user other than root. molecule tests the unit for root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import environment
from ansible_collections.flasklaunch.ec2.plugins.modules import virtual_environment
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.module_run import outcome

VERSIONS = "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"


def runs(python):
    return subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0


FOUND = {version: shutil.which(f"python{version}") for version in VERSIONS}
PYTHONS = {version: python for version, python in FOUND.items() if python and runs(python)}
ANY = next(iter(PYTHONS.values()))
PINS = """greeting==1.0 ; python_full_version < '3.0'
greeting==2.0 ; python_full_version >= '3.0'
gunicorn==1.0
"""


@pytest.fixture(params=PYTHONS.values(), ids=PYTHONS.keys())
def python(request):
    return request.param


@pytest.fixture
def wheels(tmp_path):
    """A folder with packages that pip installs without an index, and a pip.conf that names it."""
    for name, version in (("greeting", "1.0"), ("greeting", "2.0"), ("gunicorn", "1.0"), ("parting", "1.0")):
        wheel(tmp_path / "wheels", name, version)
    return f"[global]\nno-index = true\nfind-links = {tmp_path / 'wheels'}\n"


def wheel(folder, name, version):
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        files = f"{name}.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(environment, "build", environment.build_in_place)
    monkeypatch.setattr(environment, "LOCK", str(tmp_path / "lock"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)

    def call(check_mode=False, **arguments):
        given = {"path": str(tmp_path / "deep" / "env"), "python": ANY, "pins": PINS, **arguments}
        umask = os.umask(0o077)  # hardened machines have it
        try:
            return outcome(virtual_environment.main, capsys, {**given, "_ansible_check_mode": check_mode})
        finally:
            os.umask(umask)

    return call


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "env"


def site_packages(folder):
    return next(folder.glob("lib/python3*/site-packages"))


def version_of(folder, name="greeting"):
    ask = [folder / "bin" / "python", "-c", f"import {name}; print({name}.VERSION)"]
    return subprocess.run(ask, capture_output=True, text=True, check=True, cwd="/").stdout.strip()


def test_environment_is_made_once_with_what_is_pinned(run, folder, python, wheels):
    settings = wheels + "timeout = 3\n"
    planned = run(check_mode=True, python=python, pip_conf=wheels)
    assert not folder.exists()
    made = run(python=python, pip_conf=wheels)
    inode = (folder / "pyvenv.cfg").stat().st_ino
    again = run(python=python, pip_conf=wheels)
    checked = run(check_mode=True, python=python, pip_conf=wheels)
    configured = run(python=python, pip_conf=settings)
    changed = [each["changed"] for each in (planned, made, again, checked, configured)]
    assert changed == [True, True, False, False, True], made
    assert python.endswith(made["python"])
    assert version_of(folder) == "2.0"
    assert [each["versions"].get("greeting") for each in (planned, made, again)] == [None, "2.0", "2.0"]
    assert {path.stat().st_mode & 0o055 for path in (folder.parent, folder, folder / "bin", folder / "lib")} == {0o055}
    assert (folder / "pip.conf").read_text(encoding="utf-8") == settings
    assert (folder / "pip.conf").stat().st_mode & 0o777 == 0o600
    assert (folder / "pyvenv.cfg").stat().st_ino == inode, "other settings do not make it again"
    assert [path.name for path in folder.parent.iterdir()] == ["env"]


def test_half_made_environment_behind_a_link_is_made_again(run, folder, tmp_path, wheels):
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "bin").mkdir(parents=True)
    (tmp_path / "disk" / "pyvenv.cfg").write_text("version = 2.7\n", encoding="utf-8")
    settings = wheels + "index-url = http://me:hunter2@127.0.0.1:9/\n"
    made = run(pip_conf=settings)
    assert made["changed"] and "hunter2" not in str(made)
    assert folder.is_symlink() and version_of(tmp_path / "disk") == "2.0"
    assert not run(pip_conf=settings)["changed"]


def test_foreign_files_are_left_alone(run, folder):
    folder.mkdir(parents=True)
    (folder / "note.txt").write_text("keep me", encoding="utf-8")
    refused = run()
    assert refused["failed"] and refused["msg"].endswith("Choose an empty or a new folder.")
    assert (folder / "note.txt").read_text(encoding="utf-8") == "keep me"


def test_requirements_come_last_and_bring_the_server(run, folder, tmp_path, wheels):
    (tmp_path / "requirements.txt").write_text("-r more.txt\n", encoding="utf-8")
    (tmp_path / "more.txt").write_text("greeting==1.0\n", encoding="utf-8")
    arguments = {"pip_conf": wheels, "requirements": str(tmp_path / "requirements.txt")}
    assert run(**arguments)["changed"]
    assert (version_of(folder), version_of(folder, "gunicorn")) == ("1.0", "1.0")
    assert not run(**arguments)["changed"]
    (tmp_path / "more.txt").write_text("greeting==2.0\n", encoding="utf-8")
    assert run(check_mode=True, **arguments)["changed"]
    assert run(**arguments)["changed"]
    assert version_of(folder) == "2.0"


def test_output_of_pip_is_returned_and_the_former_environment_stays(run, folder, tmp_path, wheels):
    run(pip_conf=wheels)
    (tmp_path / "requirements.txt").write_text("greeting==3.0\n", encoding="utf-8")
    failed = run(pip_conf=wheels, requirements=str(tmp_path / "requirements.txt"))
    assert failed["failed"] and failed["rc"] == 1
    assert "ERROR: No matching distribution found for greeting==3.0" in failed["stderr"]
    assert not run(pip_conf=wheels)["changed"]
    assert [path.name for path in folder.parent.iterdir()] == ["env"]


def test_wrong_hash_of_a_pin_is_refused(run, folder, wheels):
    pins = "greeting==2.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    failed = run(pip_conf=wheels, pins=pins)
    assert failed["failed"] and "DO NOT MATCH THE HASHES" in failed["stderr"]
    assert not folder.exists()
    assert run(pip_conf=wheels, pins=pins, hashes=False)["changed"]


def test_damage_is_repaired_with_the_same_version(run, folder, tmp_path, wheels):
    """Although a newer version was published in the meantime."""
    newer = tmp_path / "wheels" / "greeting-2.0-py3-none-any.whl"
    newer.rename(tmp_path / newer.name)
    (tmp_path / "requirements.txt").write_text("greeting\nparting\n", encoding="utf-8")
    arguments = {"pip_conf": wheels, "requirements": str(tmp_path / "requirements.txt")}
    run(**arguments)
    (tmp_path / newer.name).rename(newer)
    (site_packages(folder) / "parting.py").unlink()
    assert run(**arguments)["changed"]
    assert (version_of(folder), version_of(folder, "parting")) == ("1.0", "1.0")
    assert not run(**arguments)["changed"]


def test_a_lock_file_is_installed_with_its_hashes_by_any_pip(run, folder, tmp_path, python, wheels):
    """None of these Pythons brings a pip that reads pylock.toml."""
    (tmp_path / "pylock.toml").touch()
    wheel_file = tmp_path / "wheels" / "greeting-1.0-py3-none-any.whl"
    sha256 = hashlib.sha256(wheel_file.read_bytes()).hexdigest()
    arguments = {"pip_conf": wheels, "python": python, "requirements": str(tmp_path / "pylock.toml")}
    text = f"greeting==1.0 ; python_version >= '3' --hash=sha256:{sha256}\n./wheels/parting-1.0-py3-none-any.whl\n"
    assert run(**arguments, requirements_text=text)["changed"]
    assert (version_of(folder), version_of(folder, "parting"), version_of(folder, "gunicorn")) == ("1.0",) * 3
    assert not run(**arguments, requirements_text=text)["changed"]
    failed = run(**arguments, requirements_text=text.replace(sha256, "0" * 64))
    assert failed["rc"] and "HASHES" in failed["stderr"]
    assert version_of(folder) == "1.0", "the environment is as it was"


@pytest.mark.parametrize("line", ["./lib", "-e ./lib", "./wheels/greeting-1.0-py3-none-any.whl"])
def test_project_that_is_named_by_its_path_is_in_the_environment(run, folder, tmp_path, wheels, line):
    """The path is relative to the requirements file. The folder of that file may be removed later."""
    python = next(filter(has_setuptools, PYTHONS.values()), None)
    if python is None:
        pytest.skip("no Python here has setuptools, and the test asks no index for it")
    app = tmp_path / "app"
    shutil.copytree(tmp_path / "wheels", app / "wheels")
    (app / "lib").mkdir()
    (app / "lib" / "greeting.py").write_text("VERSION = '3.0'\n", encoding="utf-8")
    (app / "lib" / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='greeting', version='3.0', py_modules=['greeting'])\n",
        encoding="utf-8",
    )
    (app / "requirements.txt").write_text(line + "\n", encoding="utf-8")
    settings = wheels + "no-build-isolation = true\n"
    made = run(python=python, pip_conf=settings, requirements=str(app / "requirements.txt"))
    assert made["changed"], made
    shutil.rmtree(app)
    assert version_of(folder) == ("1.0" if "whl" in line else "3.0")


def has_setuptools(python):
    ask = [python, "-c", "import ensurepip; assert len(ensurepip._PROJECTS) > 1"]
    return subprocess.run(ask, capture_output=True, check=False).returncode == 0


def test_pip_that_is_killed_is_reported(run, tmp_path, wheels):
    """The kernel kills a process in the same way if memory runs out."""
    with zipfile.ZipFile(tmp_path / "wheels" / "gunicorn-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("killer.pth", "import os; os.kill(os.getpid(), 9)\n")
    (tmp_path / "requirements.txt").write_text("greeting\n", encoding="utf-8")
    killed = run(pip_conf=wheels, requirements=str(tmp_path / "requirements.txt"))
    assert killed["failed"] and killed["rc"] == 1
    assert "the kernel has killed a process for lack of memory" in killed["stderr"]
