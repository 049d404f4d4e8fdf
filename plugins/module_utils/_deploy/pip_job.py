# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Makes a virtual environment and runs pip in it, without privileges: the program of the unit flasklaunch-pip.

environment.py copies this file to the machine's disk and starts it with the path of a job, which is JSON:

    user         [uid, gid] of the user that makes the environment; null if it is the user that starts this
    shown        [[source, target], ...]: each source is mounted over its target, for this process only
    stdout       the file for pip's output
    stderr       the file for pip's errors
    folder       where to make the environment
    site_packages   its folder of packages
    python       the Python to make it with
    pip_conf     the text of its pip.conf
    environment  the environment variables
    directory    where pip runs
    calls        the arguments of each call of `pip install`

It ends with NOT_MADE if the environment could not be made, and with 1 if pip failed.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse
from typing import Any, Iterable, Mapping

NOT_MADE = 3
# From <sched.h> and <sys/mount.h>; Python has no function for these calls before 3.12.
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18


def main(path: str) -> None:
    """Make the environment of a job. `path` is that of its JSON."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    os.umask(0o022)  # the user of the application must be able to read the environment
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    if job["user"]:
        try:
            show(job["shown"])
        except OSError as error:  # in a container without the right to mount
            leave(f"the unit cannot show its files to the user that runs pip: {error}")
        become(*job["user"])
    os.environ.clear()
    os.environ.update(job["environment"])
    make(job["python"], job["folder"])
    configure(os.path.join(job["folder"], "pip.conf"), job["pip_conf"])
    for arguments in job["calls"]:
        install(job, arguments)
    editable = editable_projects(job["folder"], job["site_packages"])
    if editable:  # their folders may be removed later: see the role's README
        install(job, ["--no-deps", "--force-reinstall", *editable])


def show(shown: Iterable[tuple[str, str]]) -> None:
    """Mount folders and files over others. Only this process and its children see the mounts."""
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, flags: int) -> None:
        if libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None) != 0:
            raise OSError(ctypes.get_errno(), f"mount {source}: {os.strerror(ctypes.get_errno())}", target)

    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
    mount("none", "/", MS_REC | MS_PRIVATE)
    for source, target in shown:
        mount(source, target, MS_BIND)


def become(uid: int, gid: int) -> None:
    """Continue as this user and group, without privileges."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def make(python: str, folder: str) -> None:
    """Make the environment. Ends the program if that fails."""
    # With -I, no variable and no file in the current folder can replace a module.
    command = [python, "-I", "-m", "venv", folder]
    try:
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, cwd="/")
    except OSError as error:
        leave(f"{python} does not run as a user without rights: {error.strerror}")
    if made.returncode != 0:
        leave(why_not_made(python, folder, made.stdout.decode(errors="replace").strip()))


def why_not_made(python: str, folder: str, text: str) -> str:
    """Return why the environment could not be made, from the output of venv."""
    if "ensurepip is not" in text:
        return f"{python} has no ensurepip. Debian and Ubuntu have it in the package python3-venv."
    return f"{python} -m venv could not make {folder}. It said: {(text.splitlines() or ['nothing'])[-1]}"


def leave(reason: str) -> None:
    """End the program with NOT_MADE, and write the reason to stderr."""
    sys.stderr.write(reason + "\n")
    raise SystemExit(NOT_MADE)


def configure(path: str, text: str) -> None:
    """Write pip.conf in one step. At no time can users other than its owner read it."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def install(job: Mapping[str, Any], arguments: list[str]) -> None:
    """Call pip once, as a program of the environment."""
    before = memory_kills()
    command = [os.path.join(job["folder"], "bin", "python"), "-I", "-m", "pip", "install", *arguments]
    code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, cwd=job["directory"]).returncode
    if code != 0:
        # The control node looks for these words: plugins/plugin_utils/_webserver/pip_output.py.
        if code == -signal.SIGKILL or memory_kills() > before:
            raise SystemExit("pip has failed, and the kernel has killed a process for lack of memory meanwhile.")
        raise SystemExit(1)


def memory_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory; 0 if it does not count them."""
    found = re.search(r"^oom_kill (\d+)$", read("/proc/vmstat"), re.MULTILINE)
    return int(found.group(1)) if found else 0


def editable_projects(folder: str, site_packages: str) -> list[str]:
    """Return the folders of projects that are installed as editable, without those inside the environment."""
    found = []
    for name in os.listdir(site_packages):
        path = os.path.join(site_packages, name)
        if name.endswith(".egg-link"):
            found += read(path).splitlines()[:1]
        elif name.endswith(".dist-info"):
            origin = json.loads(read(os.path.join(path, "direct_url.json")) or "{}")
            if origin.get("dir_info", {}).get("editable"):
                found.append(urllib.parse.unquote(urllib.parse.urlsplit(origin["url"]).path))
    inside = os.path.realpath(folder) + os.sep  # pip puts clones of repositories there
    return [each for each in found if not os.path.realpath(each).startswith(inside)]


def read(path: str) -> str:
    """Return the text of a file; empty if there is none, or this user cannot read it."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main(sys.argv[1])
