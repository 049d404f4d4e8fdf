# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environment argv[1] for the Python this runs on, with the pip.conf that stdin brings.

argv[2] is the requirements file, or empty. argv[3] is `make`, or `check` to change nothing. Prints JSON: made and
configured (what was, or would be, done), complete (all that was noted is there, for these requirements), python (the
minor version) and installed (distributions and their versions). What is wrong, and what to do, is the last line on
stderr.

Or argv[3] is `install`, and each further argument names what one call of pip is to install, as JSON. When all is
installed that is noted. What pip says is on stderr.

Runs on every Python from 3.7, standard library alone.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys

folder, requirements, mode, *wishes = sys.argv[1:]
os.umask(0o022)  # whatever root's is, who serves must be able to read
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
    probe = "import sys, pip; print('{}.{}'.format(*sys.version_info), pip.__path__[0])"
    command = [os.path.join(folder, "bin", "python"), "-c", probe]
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    version, dummy, pip = answer.stdout.decode().strip().partition(" ")
    return os.path.dirname(pip) if version == python else None


def holds_files_of_others():
    """Tell whether making the folder anew would lose something: it has files, and is no virtual environment."""
    if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
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


def metadata_folders(site_packages):
    """Return the folders whose names tell what is installed, without starting pip."""
    return sorted(name for name in os.listdir(site_packages) if name.endswith(".dist-info"))


def distributions(site_packages):
    """Return {name: version}."""
    names = [name[: -len(".dist-info")] for name in metadata_folders(site_packages)]
    return dict(name.split("-", 1) for name in names)


def digest():
    """Return the SHA-256 of the requirements; None if there are none, or not yet."""
    try:
        with open(requirements, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def is_complete(site_packages):
    """Tell whether all that was noted in the end is there still, and was for these requirements.

    Without a note, a run was interrupted.
    """
    noted = json.loads(read(os.path.join(folder, "installed.json")) or "null")
    return (
        noted is not None
        and set(noted["distributions"]) <= set(metadata_folders(site_packages))
        and noted.get("requirements") == digest()
    )


def seal(site_packages):
    """Note what is there; the release module reads it too (plugins/module_utils/_releases.py)."""
    path = os.path.join(folder, "installed.json")
    with open(path + ".new", "w") as file:
        there = metadata_folders(site_packages)
        json.dump({"site_packages": site_packages, "distributions": there, "requirements": digest()}, file)
    os.replace(path + ".new", path)


def install(arguments):
    """Call pip once, as a program of the environment."""
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", *arguments]
    if subprocess.run(pip, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        sys.exit(1)


if mode != "check":
    wait_until_alone()
site_packages = site_packages_if_sound()
if mode == "install":
    for wish in wishes:
        install(json.loads(wish))
    sys.exit(seal(site_packages))
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
        "complete": bool(site_packages) and is_complete(site_packages),
        "python": python,
        "installed": distributions(site_packages) if site_packages else {},
    },
    sys.stdout,
)
