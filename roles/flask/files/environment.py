# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
# The role puts plugins/module_utils/_deploy/installed.py before this file, which defines some of the names.
# ruff: noqa: F821
# pylint: disable=undefined-variable
"""Make the virtual environment argv[1] for the Python that runs this script, with the pip.conf from stdin.

argv[2] is the requirements file, or empty. argv[3] is `make`, or `check` to change nothing. Prints JSON: made and
configured (what was, or would be, done), complete (the environment is as noted, and for these requirements), python
(the minor version) and installed (distributions and their versions). If it fails, the last line on stderr says what is
wrong and what to do.

Or argv[3] is `install`, and each further argument is JSON: what one call of pip installs. pip runs in the folder of the
requirements file, and its output is passed on. Distributions with missing or changed files are installed again, in the
same version. A project that is installed as editable (-e) from outside the environment is copied into it, as its folder
may be removed. At the end a note of what is installed is written.

Runs on Python 3.7 and newer, with the standard library only.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

folder, requirements, mode, *wishes = sys.argv[1:]
os.umask(0o022)  # whatever umask root has, the user that serves must be able to read
python = "{}.{}".format(*sys.version_info)


def wait_until_alone():
    """A run that was killed on the control node may have left pip at work here. Freed when this process ends."""
    with contextlib.suppress(OSError):  # not there yet, or a file system without locks
        fcntl.flock(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_EX)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:  # not there, or not for us: configure() will tell
        return None


def site_packages_if_sound():
    """Return the environment's package folder if its own Python starts, is of the same minor version, and has pip."""
    probe = "import sys, pip; print('{}.{}'.format(*sys.version_info), pip.__path__[0], sys.prefix, sep='\\n')"
    command = [os.path.join(folder, "bin", "python"), "-c", probe]
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    version, pip, prefix = (answer.stdout.decode().splitlines() + [""] * 3)[:3]
    # Without pyvenv.cfg it is the system's Python, into which pip must not install anything.
    is_own = version == python and os.path.realpath(prefix) == os.path.realpath(folder)
    return os.path.dirname(pip) if is_own else None


def holds_files_of_others():
    """Tell whether making the folder anew would lose something: it has files, and is no virtual environment."""
    if any(os.path.exists(os.path.join(folder, ours)) for ours in ("pyvenv.cfg", NOTE)):
        return False
    return os.path.isfile(folder) or any(files for dummy, dummy, files in os.walk(folder))


def nearest_existing(path):
    return path if os.path.exists(path) else nearest_existing(os.path.dirname(path))


def make():
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if made.returncode != 0:
        text = made.stdout.decode(errors="replace").strip()
        if "ensurepip is not" in text:
            sys.exit(f"{sys.executable} has no ensurepip. Debian and Ubuntu have it in the package python3-venv.")
        said = (text.splitlines() or ["nothing"])[-1]
        sys.exit(f"{sys.executable} -m venv could not make {folder}. It said: {said}")


def configure(path, text):
    """Write pip.conf readable by its owner alone from its first byte on, and whole or not at all."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def named_versions(metadata):
    """Return {name: version} for the names of metadata folders."""
    return dict(name[: -len(".dist-info")].split("-", 1) for name in metadata if name.endswith(".dist-info"))


def digest():
    """Return the SHA-256 of the requirements and of the files that they include; None if there are none yet."""
    if not os.path.isfile(requirements):
        return None
    digests, waiting = {}, [requirements]
    while waiting:
        path = os.path.normpath(waiting.pop())
        with contextlib.suppress(OSError):  # pip says that it is missing
            if path not in digests:
                with open(path, "rb") as file:
                    content = file.read()
                digests[path] = hashlib.sha256(content).hexdigest()
                included = re.findall(rb"^\s*(?:-[rc]|--requirement|--constraint)[ =]*(\S+)", content, re.MULTILINE)
                waiting += [os.path.join(os.path.dirname(path), os.fsdecode(each)) for each in included]
    return hashlib.sha256(" ".join(digests.values()).encode()).hexdigest()


def is_complete():
    """Tell whether all that the note lists is still there, unchanged, and whether it is for these requirements."""
    noted = read_note(folder)
    return noted is not None and not damaged(folder, noted) and noted.get("requirements") == digest()


def seal(site_packages):
    path = os.path.join(folder, NOTE)
    noted = {
        "site_packages": site_packages,
        "distributions": note(folder, site_packages),
        "requirements": digest(),
    }
    with open(path + ".new", "w") as file:
        json.dump(noted, file)
    os.replace(path + ".new", path)


def forget_what_is_damaged():
    """Remove the metadata of damaged distributions, so that pip installs them again. Return {name: version} of all.

    The result is empty if nothing is damaged, or if the requirements have changed.
    """
    noted = read_note(folder)
    spoilt = damaged(folder, noted) if noted else []
    if not spoilt:
        return {}
    for name in spoilt:
        shutil.rmtree(os.path.join(noted["site_packages"], name), ignore_errors=True)
    if any(name.startswith(("pip-", "setuptools-")) for name in spoilt):
        subprocess.run([environment_python(), "-m", "ensurepip"], stdout=subprocess.DEVNULL, check=False)
    return named_versions(noted["distributions"]) if noted.get("requirements") == digest() else {}


def editable_projects(site_packages):
    """Return the folders outside the environment of projects that are installed as editable."""
    found = []
    for name in os.listdir(site_packages):
        path = os.path.join(site_packages, name)
        if name.endswith(".egg-link"):
            found += (read(path) or "").splitlines()[:1]
        elif name.endswith(".dist-info"):
            origin = json.loads(read(os.path.join(path, "direct_url.json")) or "{}")
            if origin.get("dir_info", {}).get("editable"):
                found.append(urllib.parse.unquote(urllib.parse.urlsplit(origin["url"]).path))
    inside = os.path.realpath(folder) + os.sep  # pip puts clones of repositories there
    return [each for each in found if not os.path.realpath(each).startswith(inside)]


def environment_python():
    return os.path.join(os.path.abspath(folder), "bin", "python")


def memory_kills():
    """Return how many processes the kernel has killed for lack of memory; 0 if it does not count them."""
    found = re.search(r"^oom_kill (\d+)$", read("/proc/vmstat") or "", re.MULTILINE)
    return int(found.group(1)) if found else 0


def install(arguments):
    """Call pip once, as a program of the environment."""
    before = memory_kills()
    pip = [environment_python(), "-m", "pip", "install", *arguments]
    directory = os.path.dirname(os.path.abspath(requirements)) if requirements else None
    code = subprocess.run(pip, stdin=subprocess.DEVNULL, check=False, cwd=directory).returncode
    if code != 0:
        # The control node looks for these words: plugins/plugin_utils/_webserver/pip_output.py.
        if code == -signal.SIGKILL or memory_kills() > before:
            sys.exit("pip has failed, and the kernel has killed a process for lack of memory meanwhile.")
        sys.exit(1)


def install_all(site_packages):
    versions = forget_what_is_damaged()
    for wish in map(json.loads, wishes):
        asked = {canonical(re.split("[^A-Za-z0-9._-]", each)[0]) for each in wish}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
            kept = ["{}=={}\n".format(*pair) for pair in versions.items() if canonical(pair[0]) not in asked]
            constraints.write("".join(kept))
            constraints.flush()
            install(wish + (["--constraint", constraints.name] if kept else []))
    editable = editable_projects(site_packages)
    if editable:
        install(["--no-deps", "--force-reinstall", *editable])
    seal(site_packages)


if mode != "check":
    wait_until_alone()
site_packages = site_packages_if_sound()
if mode == "install":
    sys.exit(install_all(site_packages))
to_make = site_packages is None
pip_conf = os.path.join(folder, "pip.conf")
wanted = sys.stdin.read()
to_configure = to_make or read(pip_conf) != wanted
if to_make and holds_files_of_others():
    sys.exit(folder + " has files in it and is no virtual environment. Name a folder that is empty or not there.")
if (to_make or to_configure) and not os.access(nearest_existing(os.path.abspath(folder)), os.W_OK):
    sys.exit(folder + " cannot be written by this user. Set 'become: true' for the play or the role.")
if mode == "make":
    if to_make:
        make()
        site_packages = site_packages_if_sound()
    if to_configure:
        configure(pip_conf, wanted)
json.dump(
    {
        "made": to_make,
        "configured": to_configure,
        "complete": bool(site_packages) and is_complete(),
        "python": python,
        "installed": named_versions(metadata_folders(site_packages)) if site_packages else {},
    },
    sys.stdout,
)
