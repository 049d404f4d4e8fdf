"""The privileges of code that runs while pip installs, and which of its files reach the served environment."""

from __future__ import annotations

import json
import pathlib
import time

import pytest
from deploys import begun, deploy, edited, eventually, get, machine

# It writes down what it may do, and puts files into the environment that must not stay there.
SETUP = r"""
import json, os, pathlib, pwd, subprocess, sys
from setuptools import setup

def is_done(action):
    try:
        action()
    except OSError:
        return False
    return True

status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
release = pathlib.Path.cwd().parents[1]
env = pathlib.Path(sys.prefix)
found = {
    "user": pwd.getpwuid(os.getuid()).pw_name,
    "groups": os.getgroups(),
    "capabilities": int(status["CapEff"], 16),
    "may_gain_privileges": status["NoNewPrivs"] == "0",
    "writes": [
        path
        for path in ("/etc/probe", "/opt/webserver/probe", "/var/lib/probe", str(release / "app" / "x"))
        if is_done(pathlib.Path(path).touch)
    ],
    "reads": [
        path
        for path in ("/etc/shadow", "/etc/webserver/credentials/SHOP_KEY", str(release / "environment"))
        if is_done(pathlib.Path(path).read_bytes)
    ],
}
pathlib.Path("probe.py").write_text("FOUND = " + repr(json.dumps(found)))
if not (env / "bin" / "set-uid").exists():
    (env / "bin" / "set-uid").touch()
    (env / "bin" / "set-uid").chmod(0o6777)
    (env / "bin" / "out").symlink_to("/var/tmp")
    os.mkfifo(env / "bin" / "fifo")
    (env / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / "probe.pth").write_text(
        "import os; os.getuid() or open('/run/environment-ran-as-root', 'w')"
    )
    subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
setup(name="probe", version="1", py_modules=["probe"])
"""
VENV = "/opt/webserver/current/venv/"
PACKAGES = f"{VENV}/lib/python3*/site-packages"
# The module holds the lock of all environments.
KILL_MODULE = "kill -KILL $(find /proc/[0-9]*/fd -lname /run/flasklaunch-pip.lock 2> /dev/null | cut -d / -f 3)"
IS_AT_WORK = "systemctl is-active flasklaunch-pip.service || true"


PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "diary"
version = "0.1"
dependencies = ["flask"]
"""
DIARY = """
from flask import Flask


def create_app():
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "diary")
    return app
"""


def probe(folder: pathlib.Path) -> str:
    """Make a new version of the shop that requires the probe. Returns its folder."""
    source = edited(folder, "markdown==3.9\n", "markdown==3.9\n./probe\n", file="requirements.txt")
    (folder / "probe").mkdir()
    (folder / "probe" / "setup.py").write_text(f"# {time.time()}\n{SETUP}", encoding="utf-8")
    return source


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    source = probe(tmp_path_factory.mktemp("shop"))
    deploy(webserver_app_src=source)
    return source


def test_code_of_a_requirement_has_no_rights(source):
    assert json.loads(machine(f"sed \"s/^FOUND = '//; s/'$//\" {PACKAGES}/probe.py")) == {
        "user": "flasklaunch-pip",
        "groups": [],
        "capabilities": 0,
        "may_gain_privileges": False,
        "writes": [],
        "reads": [],
    }
    assert machine("pgrep --list-full --euid flasklaunch-pip") == ""
    assert machine("ls -d /var/lib/flasklaunch-pip /opt/webserver/environments/.[!.]* 2> /dev/null") == ""


def test_environment_belongs_to_root_and_has_no_files_of_the_probe(source):
    assert machine(f"find {VENV} ! -user root -o ! -group root -o ! -type l -perm /7022 -o -type p") == ""
    assert machine(f"ls {VENV}/bin/set-uid") != ""
    links = machine(f"find {VENV} -type l -exec readlink -f {{}} +").split()
    outside = {link for link in links if not link.startswith("/opt/webserver/environments/")}
    assert outside == {machine("readlink -f /usr/bin/python3")}
    assert machine(f"stat -c %a {VENV}/pip.conf") == "600"


def test_root_checks_and_repairs_an_environment_without_its_programs(source):
    """The environment has code that runs at each start of its Python."""
    assert machine(f"cat {PACKAGES}/probe.pth") != ""
    machine(f"rm {VENV}/bin/gunicorn")
    assert deploy(webserver_app_src=source).changed == 2, "the packages, and the restart of the server"
    assert machine(f"ls {VENV}/bin/gunicorn") != ""
    assert machine("ls /run/environment-ran-as-root 2> /dev/null") == ""


def test_package_in_a_src_layout_is_found_and_installed(tmp_path):
    (tmp_path / "src" / "diary").mkdir(parents=True)
    (tmp_path / "src" / "diary" / "__init__.py").write_text(DIARY)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    site = {"webserver_app_src": str(tmp_path), "webserver_app": "webserver:app", "webserver_health_path": "/"}
    assert "diary:create_app() was found in the application, and is served." in deploy(**site).text
    assert get() == "diary"
    assert deploy(**site).changed == 0


def test_next_run_repairs_a_run_that_was_killed_during_pip(tmp_path):
    source = probe(tmp_path)
    killed = begun(webserver_app_src=source)
    assert eventually(lambda: machine(IS_AT_WORK) == "activating")
    machine(KILL_MODULE)
    killed.communicate()
    assert killed.returncode == 2
    assert machine(IS_AT_WORK) == "activating"
    deploy(webserver_app_src=source)
    assert machine(f"ls {PACKAGES}/probe.py") != ""
    assert machine("pgrep --list-full --euid flasklaunch-pip") == ""
