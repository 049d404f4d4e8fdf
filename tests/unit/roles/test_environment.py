"""The flask role's script, run as the role runs it, by each installed Python."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PARTS = "plugins/module_utils/_deploy/installed.py", "roles/flask/files/environment.py"
SCRIPT = "\n".join((ROOT / part).read_text(encoding="utf-8") for part in PARTS)
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


def run(python, folder, mode="make", *wishes, pip_conf="[global]\n", requirements=""):
    command = [python, "-c", SCRIPT, str(folder), str(requirements), mode, *map(json.dumps, wishes)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # Hardened machines have this umask. The user that serves from the environment is not the one that makes it.
    return subprocess.run(
        command, input=pip_conf, capture_output=True, text=True, check=False, env=environment, umask=0o077
    )


def test_made_once_and_found_sound_afterwards(python, tmp_path):
    folder = tmp_path / "deep" / "environment"
    planned = json.loads(run(python, folder, "check").stdout)
    assert not folder.exists()
    made = json.loads(run(python, folder).stdout)
    again = json.loads(run(python, folder).stdout)
    assert (planned["made"], made["made"], again["made"]) == (True, True, False)
    assert (made["configured"], again["configured"]) == (True, False)
    assert "pip" in again["installed"]
    assert {path.stat().st_mode & 0o055 for path in (folder.parent, folder, folder / "bin", folder / "lib")} == {0o055}
    assert (folder / "pip.conf").read_text(encoding="utf-8") == "[global]\n"
    assert (folder / "pip.conf").stat().st_mode & 0o777 == 0o600


def test_what_debian_s_python_lacks_is_named(tmp_path, monkeypatch):
    said = "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian ..."
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "__init__.py").touch()
    (tmp_path / "venv" / "__main__.py").write_text(f"print({said!r}, 'Failing command: x', sep='\\n')\nexit(1)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    python = next(iter(HERE.values()))
    told = run(python, tmp_path / "environment").stderr.splitlines()[-1]
    assert told.endswith(" has no ensurepip. Debian and Ubuntu have it in the package python3-venv.")


def test_new_settings_are_written_without_making_it_anew(tmp_path):
    python = next(iter(HERE.values()))
    run(python, tmp_path / "environment")
    answer = json.loads(run(python, tmp_path / "environment", pip_conf="[global]\nindex-url = x\n").stdout)
    assert (answer["made"], answer["configured"]) == (False, True)
    assert "index-url = x" in (tmp_path / "environment" / "pip.conf").read_text(encoding="utf-8")


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
    assert (tmp_path / "notes" / "mine" / "note.txt").read_text(encoding="utf-8") == "keep me"


@pytest.fixture
def wheels(tmp_path):
    """A folder with two versions of a package that pip installs without an index, and the pip.conf that names it."""
    for version in ("1.0", "2.0"):
        wheel(tmp_path / "wheels", "greeting", version)
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


# Python 3.12 and newer do not contain setuptools or packaging, which the pip module imports.
def test_what_is_installed_is_noted_and_the_last_wish_wins(python, tmp_path, wheels):
    folder, requirements = tmp_path / "environment", tmp_path / "requirements.txt"
    requirements.write_text("greeting==1.0\n")
    assert not json.loads(run(python, folder, pip_conf=wheels).stdout)["complete"]
    wishes = ["greeting==2.0"], ["--requirement", str(requirements)]
    done = run(python, folder, "install", *wishes, requirements=requirements)
    assert done.returncode == 0, done.stderr
    found = json.loads(run(python, folder, "check", pip_conf=wheels, requirements=requirements).stdout)
    assert (found["made"], found["complete"], found["installed"]["greeting"]) == (False, True, "1.0")


def test_other_requirements_are_not_met_by_what_was_noted(tmp_path, wheels):
    python, folder, requirements = next(iter(HERE.values())), tmp_path / "environment", tmp_path / "requirements.txt"
    run(python, folder, pip_conf=wheels)
    requirements.write_text("greeting==1.0\n")
    run(python, folder, "install", ["--requirement", str(requirements)], requirements=requirements)

    def complete(path):
        return json.loads(run(python, folder, "check", pip_conf=wheels, requirements=path).stdout)["complete"]

    assert complete(requirements)
    assert not complete("")
    requirements.write_text("greeting==2.0\n")
    assert not complete(requirements)


def test_what_cannot_be_installed_leaves_no_note_and_pips_own_words(tmp_path, wheels):
    python, folder = next(iter(HERE.values())), tmp_path / "environment"
    run(python, folder, pip_conf=wheels)
    failed = run(python, folder, "install", ["greeting==3.0"], ["greeting==1.0"])
    assert failed.returncode == 1
    assert "ERROR: No matching distribution found for greeting==3.0" in failed.stderr
    found = json.loads(run(python, folder, "check", pip_conf=wheels).stdout)
    assert not found["complete"]
    assert "greeting" not in found["installed"]


def installed(python, folder, pip_conf, requirements):
    """Makes an environment and installs the requirements, as the role does if something is missing."""
    found = json.loads(run(python, folder, pip_conf=pip_conf, requirements=requirements).stdout)
    if not found["complete"]:
        wish = ["--requirement", str(requirements)]
        done = run(python, folder, "install", wish, pip_conf=pip_conf, requirements=requirements)
        assert done.returncode == 0, done.stderr
    return found


def site_packages(folder):
    return next(folder.glob("lib/python3*/site-packages"))


def test_what_was_damaged_is_installed_again_in_the_same_version(tmp_path, wheels):
    """A newer version was published in the meantime."""
    python, folder, requirements = next(iter(HERE.values())), tmp_path / "environment", tmp_path / "requirements.txt"
    for name in ("parting", "lost"):
        wheel(tmp_path / "wheels", name, "1.0")
    newer = tmp_path / "wheels" / "greeting-2.0-py3-none-any.whl"
    newer.rename(tmp_path / newer.name)
    requirements.write_text("greeting\nparting\nlost\n")
    installed(python, folder, wheels, requirements)
    assert installed(python, folder, wheels, requirements)["complete"]
    (tmp_path / newer.name).rename(newer)
    (site_packages(folder) / "greeting.py").write_text("VERSION = '1.9'\n")
    (site_packages(folder) / "parting-1.0.dist-info" / "RECORD").unlink()
    (site_packages(folder) / "lost.py").unlink()
    shutil.rmtree(site_packages(folder) / "lost-1.0.dist-info")
    next((folder / "bin").glob("pip3.*")).unlink()
    assert not installed(python, folder, wheels, requirements)["complete"]
    found = installed(python, folder, wheels, requirements)
    assert (found["made"], found["complete"], found["installed"]["greeting"]) == (False, True, "1.0")
    assert (site_packages(folder) / "greeting.py").read_text(encoding="utf-8") == "VERSION = '1.0'\n"
    assert (site_packages(folder) / "lost.py").exists()
    assert list((folder / "bin").glob("pip3.*")) != []


def test_without_its_pyvenv_cfg_it_is_made_anew(tmp_path):
    """Such an environment runs the system's Python, and pip would install into that."""
    python, folder = next(iter(HERE.values())), tmp_path / "environment"
    run(python, folder)
    run(python, folder, "install")
    assert not json.loads(run(python, folder, "check").stdout)["made"]
    (folder / "pyvenv.cfg").unlink()
    assert json.loads(run(python, folder, "check").stdout)["made"]


@pytest.mark.parametrize("line", ["./lib", "-e ./lib", "./wheels/greeting-1.0-py3-none-any.whl"])
def test_what_is_installed_by_its_path_is_in_the_environment(python, tmp_path, wheels, line):
    """The path is relative to the requirements file, not to the folder of the run. That folder may be removed later."""
    if not has_setuptools(python):
        pytest.skip("this Python has no setuptools, and the test asks no index for it")
    app = tmp_path / "app"
    shutil.copytree(tmp_path / "wheels", app / "wheels")
    (app / "lib").mkdir()
    (app / "lib" / "greeting.py").write_text("VERSION = '3.0'\n")
    (app / "lib" / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='greeting', version='3.0', py_modules=['greeting'])\n"
    )
    (app / "requirements.txt").write_text(line + "\n")
    folder = tmp_path / "environment"
    without_isolation = wheels + "no-build-isolation = true\n"
    installed(python, folder, without_isolation, app / "requirements.txt")
    shutil.rmtree(app)
    ask = [folder / "bin" / "python", "-c", "import greeting; print(greeting.VERSION)"]
    version = "1.0" if "whl" in line else "3.0"
    assert subprocess.run(ask, capture_output=True, text=True, check=True, cwd="/").stdout == f"{version}\n"


def has_setuptools(python):
    return (
        subprocess.run([python, "-c", "import ensurepip; assert len(ensurepip._PROJECTS) > 1"], check=False).returncode
        == 0
    )


def test_a_file_that_is_included_is_part_of_the_requirements(tmp_path, wheels):
    python, folder, requirements = next(iter(HERE.values())), tmp_path / "environment", tmp_path / "requirements.txt"
    requirements.write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("greeting==1.0\n")
    installed(python, folder, wheels, requirements)
    assert installed(python, folder, wheels, requirements)["complete"]
    (tmp_path / "more.txt").write_text("greeting==2.0\n")
    assert not installed(python, folder, wheels, requirements)["complete"]
    assert "'2.0'" in (site_packages(folder) / "greeting.py").read_text(encoding="utf-8")


def test_a_pip_that_is_killed_says_so(tmp_path, wheels):
    """The kernel kills a process in the same way if memory runs out."""
    python, folder = next(iter(HERE.values())), tmp_path / "environment"
    run(python, folder, pip_conf=wheels)
    (site_packages(folder) / "pip" / "__main__.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    killed = run(python, folder, "install", ["greeting"])
    assert killed.returncode == 1
    assert "the kernel has killed a process for lack of memory" in killed.stderr
