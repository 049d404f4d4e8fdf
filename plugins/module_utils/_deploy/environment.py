# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Virtual environments that belong to root, but are made by a user without privileges.

pip executes code of the packages that it installs: setup.py, build backends, and the packages that these need. So root
never runs pip, and never starts a program of an environment:

1. A unit of systemd makes the environment in WORK, as USER. pip_job.py mounts that folder at the final path of the
   environment, because an environment contains its own path.
2. When all processes of the unit have ended, root copies the files that a sound environment may contain, one by one.
   The copies belong to root and are new: USER cannot reach them by attributes, hard links or open files.
3. The copy replaces the former environment.

So the environment is served unchanged until its successor is complete, and a run that fails or is killed changes
nothing. A user other than root makes its own environments with its own privileges, at their final path.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from typing import Any, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import (
    installed,
    pip_job,
    requirement_files,
)
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.pins import Pin, as_requirements
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

USER = "flasklaunch-pip"
UNIT = "flasklaunch-pip.service"
UNIT_FILE = f"/run/systemd/system/{UNIT}"
WORK = "/var/lib/flasklaunch-pip"
LOCK = "/run/flasklaunch-pip.lock"
BASE = "import os, sys; print(getattr(sys, '_base_executable', None) or sys.executable, os.__file__, sep='\\n')"
BASE += "; print('{}.{}'.format(*sys.version_info))"
HOMES = "/home", "/root", "/run/user"
TEMPORARY = "/tmp", "/var/tmp"
# The files that pip reads in its user's home: the address of an index, and the password for it.
OF_HOME = ".netrc", ".pip/pip.conf", ".config/pip/pip.conf"
# Variables that name a file or a folder which pip reads.
READ_BY_VARIABLE = (
    "PIP_CONFIG_FILE",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)
# A build writes into the folder of a project that has one of these files.
PROJECT_FILES = "setup.py", "setup.cfg", "pyproject.toml"
PIP_CONF = "pip.conf"
DEEPEST = 200  # nested folders; functions that remove folders fail at some depth below 1000
# Directives that restrict the unit's processes, each with the first version of systemd that knows it. The last of two
# with the same name counts. No filter of system calls is among them, because builds run any program, such as compilers.
SANDBOX = (
    (187, "NoNewPrivileges=yes"),
    (209, "PrivateDevices=yes"),
    (214, "ProtectSystem=full"),
    (231, f"ReadWritePaths={WORK}"),
    (232, "ProtectSystem=strict"),
    (232, "ProtectControlGroups=yes"),
    (232, "ProtectKernelModules=yes"),
    (232, "ProtectKernelTunables=yes"),
    # By default, systemd stops the whole unit if the kernel kills one of its processes, and pip could not report it.
    (243, "OOMPolicy=continue"),
    (247, "ProtectProc=invisible"),
)


class Unfit(Exception):
    """Why an environment cannot be made. The message is a sentence for people."""


class PipFailed(Exception):
    """pip failed. `rc` is its status as in subprocess: negative if a signal killed it."""

    def __init__(self, rc: int, stdout: str, stderr: str):
        super().__init__(stderr)
        self.rc, self.stdout, self.stderr = rc, stdout, stderr


class Base(NamedTuple):
    """The Python that an environment is made with."""

    version: str  # such as 3.9
    executable: str  # its path, without links
    library: str  # the name of the folder with its modules, such as python3.9


class Order(NamedTuple):
    """An environment to make. All paths are absolute."""

    folder: str  # without links
    python: str
    base: Base
    requirements: str  # the requirements file; empty if there is none
    requirements_text: str  # what to install instead of the file's content; empty if pip reads the file
    pins: list[Pin]
    has_hashes: bool  # whether pip checks the hashes of the pins
    pip_conf: str
    reads: list[str]  # files and folders that pip_conf names

    @property
    def site_packages(self) -> str:
        return os.path.join(self.folder, "lib", self.base.library, "site-packages")

    @property
    def identity(self) -> dict[str, Any]:
        """What the environment depends on, as it is in the note of installed.py."""
        return dict(
            python=list(self.base),
            pins=[pin.requirement for pin in self.pins],
            requirements=digest(self.requirements, self.requirements_text),
        )


class State(NamedTuple):
    """What is in an environment's folder now."""

    is_complete: bool
    is_configured: bool
    versions: dict[str, str]  # of the distributions that the environment has, or had before it was damaged


def base_of(python: str) -> Base:
    """Return the Python that a command runs. Raises Unfit if it does not run."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", BASE], stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd="/"
        )
        executable, module, version = done.stdout.decode().splitlines()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise Unfit(f"there is no Python that runs at {python}") from error
    return Base(version, os.path.realpath(executable), os.path.basename(os.path.dirname(module)))


def digest(requirements: str, text: str = "") -> str | None:
    """Return the SHA-256 of a requirements file and the files that it includes; None if the path is empty.

    `text` is what to install instead of the file's content.
    """
    if text:
        return hashlib.sha256(text.encode()).hexdigest()
    if not requirements:
        return None
    digests = []
    for path in requirement_files.closure(requirements).files:
        with open(path, "rb") as file:
            digests.append(hashlib.sha256(file.read()).hexdigest())
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


# Looking. No program of the environment is started.


def look(order: Order) -> State:
    """Return the state. Raises Unfit if the folder is not for an environment, or this user cannot make one there."""
    noted = installed.read_note(order.folder) or {}
    is_same = bool(noted) and all(noted.get(name) == value for name, value in order.identity.items())
    is_complete = is_same and has_base(order) and not installed.damaged(order.folder, noted)
    is_configured = unit_files.text(os.path.join(order.folder, PIP_CONF)) == order.pip_conf
    if not is_complete and holds_files_of_others(order.folder):
        raise Unfit(f"{order.folder} has files and is not a virtual environment. Choose an empty or a new folder.")
    writes = order.folder if is_complete else os.path.dirname(order.folder)
    if not (is_complete and is_configured) and not os.access(nearest_existing(writes), os.W_OK):
        raise Unfit(f"{order.folder} cannot be written by this user. Set 'become: true' for the play or the role.")
    return State(is_complete, is_configured, named_versions(noted["distributions"]) if is_same else {})


def has_base(order: Order) -> bool:
    """Return whether the environment's Python is the one with which it was made, or a copy of it."""
    python = os.path.realpath(os.path.join(order.folder, "bin", "python3"))
    return installed.has_python(order.folder) and (python == order.base.executable or is_in(python, order.folder))


def is_in(path: str, folder: str) -> bool:
    """Return whether a path is a folder, or in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def named_versions(metadata: Iterable[str]) -> dict[str, str]:
    """Return {name: version} for the names of metadata folders."""
    parts = [name[: -len(".dist-info")].partition("-") for name in metadata if name.endswith(".dist-info")]
    return {name: version for name, _dash, version in parts}


def holds_files_of_others(folder: str) -> bool:
    """Return whether the folder has files and is not a virtual environment, so that it must not be replaced."""
    if any(os.path.exists(os.path.join(folder, ours)) for ours in ("pyvenv.cfg", installed.NOTE)):
        return False
    return os.path.isfile(folder) or any(files for _parent, _folders, files in os.walk(folder))


def nearest_existing(path: str) -> str:
    """Return the path, or the nearest folder above it that exists."""
    return path if os.path.exists(path) else nearest_existing(os.path.dirname(path))


# The calls of pip.


def calls(order: Order, versions: Mapping[str, str], folder: str) -> list[list[str]]:
    """Return the arguments of each call of pip. Writes the files that they name into `folder`.

    The application's requirements come last, so that another version in them replaces a pin. With `versions`, pip
    installs the same versions again, although newer ones may have been published.
    """
    hashed = [pin for pin in order.pins if pin.hashes and order.has_hashes]
    others = [pin for pin in order.pins if pin not in hashed]
    same = "".join(f"{name}=={version}\n" for name, version in versions.items())
    kept = ["--constraint", _write(folder, "same.txt", same)] if versions else []
    found = []
    if hashed:
        path = _write(folder, "hashed.txt", as_requirements(hashed, True))
        found.append(["--require-hashes", "--requirement", path])
    if others:
        path = _write(folder, "others.txt", as_requirements(others, False))
        found.append(["--requirement", path, *kept])
    if order.requirements_text:
        found += _calls_for_text(order.requirements_text, kept, folder)
    elif order.requirements:
        found.append([*requirement_files.arguments(order.requirements), *kept])
    return found


def _calls_for_text(text: str, kept: list[str], folder: str) -> Iterator[list[str]]:
    """Yield the arguments of one call for the lines with hashes, and of one for those that can have none.

    pip accepts no folder and no repository beside hashes. Lines with hashes come from a lock file, which names each
    package that is needed.
    """
    lines = text.splitlines(keepends=True)
    options = [line for line in lines if line.startswith("-")]
    hashed = [line for line in lines if " --hash=" in line]
    others = [line for line in lines if line not in options and line not in hashed]
    if hashed:
        path = _write(folder, "locked.txt", "".join(options + hashed))
        yield ["--require-hashes", "--no-deps", "--requirement", path]
    if others:
        path = _write(folder, "unlocked.txt", "".join(options + others))
        yield ["--requirement", path, *kept]


def _write(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    unit_files.write(path, text, owner=os.geteuid())
    return path


# Making.


@contextlib.contextmanager
def alone(folder: str) -> Iterator[None]:
    """Wait until no other run makes an environment.

    For root, that is any environment on this machine, because USER makes them all: one could change another's files.
    """
    is_root = os.geteuid() == 0
    path = LOCK if is_root else nearest_existing(os.path.dirname(folder))
    descriptor = os.open(path, os.O_RDONLY | (os.O_CREAT if is_root else 0), 0o600)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def configure(order: Order) -> None:
    """Write the pip.conf of the environment."""
    unit_files.write(os.path.join(order.folder, PIP_CONF), order.pip_conf, 0o600, os.geteuid())


def build(order: Order, versions: Mapping[str, str]) -> None:
    """Make the environment, and replace the former one. For `versions`, see calls().

    If this raises Unfit, PipFailed, manager.Failed or OSError, the former environment stays.
    """
    if os.geteuid() == 0:
        build_as_user(order, versions)
    else:
        build_in_place(order, versions)


def build_in_place(order: Order, versions: Mapping[str, str]) -> None:
    """Make the environment at its final path, as this user."""
    former = hidden(order.folder, "former")
    shutil.rmtree(former, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.rename(order.folder, former)
    with tempfile.TemporaryDirectory() as work:
        try:
            os.makedirs(order.folder)
            job = dict(job_of(order), calls=calls(order, versions, work), environment=dict(os.environ), **outputs(work))
            rc = subprocess.run(program(work, job), stdin=subprocess.DEVNULL, check=False).returncode
            judge(rc, work)
            seal(order, order.folder)
        except BaseException:
            shutil.rmtree(order.folder, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(former, order.folder)
            raise
    shutil.rmtree(former, ignore_errors=True)


def build_as_user(order: Order, versions: Mapping[str, str]) -> None:
    """Make the environment as USER, and copy it as root."""
    if not os.path.isdir("/run/systemd/system"):
        raise Unfit(
            "pip does not run as root, but in a unit of systemd as another user, and this machine runs no systemd. Run"
            " the role as the user that is to own the environment: set become_user"
        )
    user = user_of(USER)
    clear()
    new = hidden(order.folder, "partial")
    shutil.rmtree(new, ignore_errors=True)
    was_there = os.path.lexists(order.folder)
    try:
        # USER reads the copies in this folder. Other users must not, because they may contain secrets.
        os.mkdir(WORK, 0o710)
        os.chown(WORK, -1, user.pw_gid)
        home, tree = os.path.join(WORK, "home"), os.path.join(WORK, "tree")
        for folder in (home, tree + order.folder):
            os.makedirs(folder)
            os.chown(folder, user.pw_uid, user.pw_gid)
        for name in OF_HOME:
            path = os.path.join(os.path.expanduser("~"), name)
            if os.path.isfile(path):
                os.makedirs(os.path.dirname(os.path.join(home, name)), exist_ok=True)
                copy(path, os.path.join(home, name), user.pw_uid, user.pw_gid)
        given = paths_to_copy(order)
        for path in given:
            os.makedirs(os.path.dirname(tree + path), exist_ok=True)
            copy(path, tree + path, user.pw_uid, user.pw_gid, leaves_out=[order.folder, WORK])
        os.makedirs(order.folder, exist_ok=True)  # something must be there to mount over
        job = dict(
            job_of(order),
            user=[user.pw_uid, user.pw_gid],
            shown=[(tree + path, path) for path in to_show([order.folder, *given])],
            calls=calls(order, versions, home),
            environment=variables(os.environ, home),
            **outputs(WORK),
        )
        judge(run_unit(program(WORK, job), order), WORK)
        take_over(tree + order.folder, new, user.pw_uid, order.base.executable)
        seal(order, new)
        replace(order.folder, new)
    finally:
        shutil.rmtree(new, ignore_errors=True)  # it still exists if the disk was full, for example
        if not was_there:
            with contextlib.suppress(OSError):  # if the environment was made, the folder is not empty
                os.rmdir(order.folder)
        clear()


def hidden(folder: str, what: str) -> str:
    """Return the path of a hidden folder beside `folder`."""
    return os.path.join(os.path.dirname(folder), f".{os.path.basename(folder)}.{what}")


def user_of(name: str) -> pwd.struct_passwd:
    """Return the user, and make it if there is none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", "/sbin/nologin"]
    manager.call("useradd", *options, name)
    return pwd.getpwnam(name)


def clear() -> None:
    """Stop the unit of a killed run, and remove its files. After that, USER has no process."""
    with contextlib.suppress(manager.Failed):  # systemd does not know the unit
        manager.stop(UNIT)
    with contextlib.suppress(manager.Failed):  # it has not failed
        manager.call("systemctl", "reset-failed", UNIT)
    unit_files.write(UNIT_FILE, None)
    # Unlike shutil.rmtree, rm removes folders at any depth.
    manager.call("rm", "-rf", "--", WORK)


def paths_to_copy(order: Order) -> list[str]:
    """Return what USER needs a copy of: files and folders that it cannot read, and projects, where builds write."""
    found = requirement_files.Closure([], [])
    if order.requirements:
        found = requirement_files.closure(order.requirements, order.requirements_text)
    needed = set()
    by_variable = [os.environ[name] for name in READ_BY_VARIABLE if name in os.environ]
    for path in filter(os.path.exists, [*found.files, *found.paths, *order.reads, *by_variable]):
        real = os.path.realpath(path)
        if is_project(real) or not is_public(real):
            needed.add(real)
        if path != real and first_closed(path) != path:
            needed.add(path)  # the link to it
    return sorted(path for path in needed if not any(is_in(path, other) for other in needed if other != path))


def is_project(path: str) -> bool:
    """Return whether a folder is a Python project."""
    return any(os.path.exists(os.path.join(path, name)) for name in PROJECT_FILES)


def is_public(path: str) -> bool:
    """Return whether any user can read a file, or a folder and the files in it."""
    if first_closed(path) != path:
        return False
    files = [path]
    if os.path.isdir(path):
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        files += filter(os.path.exists, [os.path.join(path, name) for name in os.listdir(path)])
    return all(os.stat(file).st_mode & stat.S_IROTH for file in files)


def first_closed(path: str) -> str:
    """Return the topmost folder above `path` that not every user can enter; `path` itself if there is none."""
    parts = path.split(os.sep)
    above = [os.sep.join(parts[:count]) or os.sep for count in range(1, len(parts))]
    return next((folder for folder in above if not os.stat(folder).st_mode & stat.S_IXOTH), path)


def to_show(paths: Iterable[str]) -> list[str]:
    """Return the folders to mount over, so that USER finds each copy at its own path. No folder is inside another."""
    places = {first_closed(path) for path in paths}
    return sorted(place for place in places if not any(is_in(place, other) for other in places if other != place))


def variables(given: Mapping[str, str], home: str) -> dict[str, str]:
    """Return the variables for pip: those of this process, such as http_proxy, without its user's folders."""
    kept = {name: value for name, value in given.items() if not name.startswith(("XDG_", "SUDO_", "PIP_CACHE_DIR"))}
    # /tmp is often in memory, or mounted with noexec.
    return {**kept, "HOME": home, "TMPDIR": home, "USER": USER, "LOGNAME": USER, "PIP_NO_CACHE_DIR": "1"}


def job_of(order: Order) -> dict[str, Any]:
    """Return those parts of a job that are the same for each user: see pip_job.py."""
    return dict(
        user=None,
        folder=order.folder,
        site_packages=order.site_packages,
        python=order.python,
        pip_conf=order.pip_conf,
        directory=os.path.dirname(order.requirements) or "/",
    )


def outputs(work: str) -> dict[str, str]:
    """Return the paths of the files for pip's output and errors."""
    return {name: os.path.join(work, name) for name in ("stdout", "stderr")}


def program(work: str, job: Mapping[str, Any]) -> list[str]:
    """Write the program and its job into a folder. Returns the command that starts it."""
    # The program may be in a zip file of Ansible, so its loader reads it. All loaders have get_data with the same type.
    source = pip_job.__spec__.loader.get_data(pip_job.__file__).decode()  # type: ignore[union-attr]
    files = {"pip_job.py": source, "job.json": json.dumps(job)}
    for name, text in files.items():
        unit_files.write(os.path.join(work, name), text, 0o600, os.geteuid())
    return [sys.executable, "-I", *(os.path.join(work, name) for name in files)]


def run_unit(command: list[str], order: Order) -> int:
    """Run a command as the unit, and wait for all its processes. Returns its status, negative for a signal."""
    printed = manager.call("systemctl", "--version").split()
    version = next((int(word) for word in printed if word.isdigit()), 0)
    paths = [order.folder, order.requirements, order.python, order.base.executable, sys.executable, *order.reads]
    unit_files.write(UNIT_FILE, unit_text(command, version, paths))
    manager.reload()
    refusal = None
    try:
        manager.call("systemctl", "start", UNIT)
    except manager.Failed as error:
        refusal = error
    manager.stop(UNIT)  # systemd may report the end before it has killed the program's children
    if refusal is None:
        return 0
    if not os.path.exists(outputs(WORK)["stderr"]):
        raise refusal  # the program did not start
    shown = manager.call("systemctl", "show", "--property=ExecMainCode,ExecMainStatus", UNIT)
    properties = dict(line.split("=", 1) for line in shown.split())
    status = int(properties["ExecMainStatus"])
    return status if properties["ExecMainCode"] == "1" else -status  # 1: CLD_EXITED; otherwise a signal killed it


def unit_text(command: Iterable[str], version: int, paths: Iterable[str]) -> str:
    """Return the text of the unit, for this version of systemd. It hides no folder that contains one of the paths."""
    words = " ".join('"' + word.replace("%", "%%") + '"' for word in command)
    needed = [path for path in paths if path]
    hides = {
        "ProtectHome=yes": not any(is_in(path, home) for path in needed for home in HOMES),
        "PrivateTmp=yes": not any(is_in(path, folder) for path in needed for folder in TEMPORARY),
    }
    lines = [
        "[Unit]",
        "Description=Make a virtual environment without running pip as root",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={words}",
        "KillSignal=SIGKILL",
        # pip_job.py needs these to mount, and to become USER. pip has no capability.
        "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_SETUID CAP_SETGID",
        *(directive for directive, is_set in hides.items() if is_set),
        *(directive for since, directive in SANDBOX if since <= version),
    ]
    return "\n".join(lines) + "\n"


def judge(rc: int, work: str) -> None:
    """Raise the error that the status of pip_job.py stands for, if any."""
    texts = {"stdout": "", "stderr": ""}
    for name, path in outputs(work).items():
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
            texts[name] = file.read()
    if rc == pip_job.NOT_MADE:
        raise Unfit((texts["stderr"].strip().splitlines() or ["its Python made no environment"])[-1])
    if rc != 0:
        raise PipFailed(rc, **texts)


# Copying the environment.


def take_over(source: str, target: str, uid: int, base: str) -> None:
    """Copy an environment that a user has made. No process of that user may run.

    Leaves out files of other owners, because USER may have made a hard link to a file that only root can read, and the
    copy would be readable. Also leaves out links that lead out of the environment, except to its Python, because USER
    may be able to write to their targets.
    """
    settings = os.path.join(source, PIP_CONF)  # it may contain a password; seal() writes it for root alone
    copy(source, target, os.geteuid(), os.getegid(), only_of=uid, moves=True, leaves_out=[settings])
    top = os.path.realpath(target)
    for parent, folders, files in os.walk(target):
        for path in (os.path.join(parent, name) for name in folders + files):
            if os.path.islink(path) and os.path.realpath(path) != base and not is_in(os.path.realpath(path), top):
                os.unlink(path)


def copy(
    source: str,
    target: str,
    uid: int,
    gid: int,
    only_of: int | None = None,
    moves: bool = False,
    leaves_out: Iterable[str] = (),
) -> None:
    """Copy files, folders and links. Every user can read the copies. Files stay executable, but never set-uid.

    Leaves out other kinds of files, and with `only_of` those of other owners. With `moves`, removes each file after it
    is copied, so that the disk has it only once. Raises Unfit if folders are nested too deep.
    """
    waiting = [(source, target)]
    while waiting:
        path, new = waiting.pop()
        try:
            status = os.lstat(path)
        except FileNotFoundError:  # its owner has removed it
            continue
        if path in leaves_out or only_of not in (None, status.st_uid):
            continue
        if stat.S_ISDIR(status.st_mode):
            if new.count(os.sep) - target.count(os.sep) > DEEPEST:
                raise Unfit(f"{source} has more than {DEEPEST} folders inside one another")
            os.makedirs(new, exist_ok=True)
            waiting += [(os.path.join(path, name), os.path.join(new, name)) for name in os.listdir(path)]
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(path), new)
        elif stat.S_ISREG(status.st_mode):
            shutil.copyfile(path, new, follow_symlinks=False)
            # Python uses compiled code only if the time that is noted in it is that of its source.
            os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
            if moves:
                os.unlink(path)
        else:
            continue
        os.chown(new, uid, gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            is_plain = stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IXUSR
            os.chmod(new, 0o644 if is_plain else 0o755)


def seal(order: Order, folder: str) -> None:
    """Complete an environment that is still in `folder`: with its pip.conf and the note of installed.py."""
    unit_files.write(os.path.join(folder, PIP_CONF), order.pip_conf, 0o600, os.geteuid())
    site_packages = os.path.join(folder, os.path.relpath(order.site_packages, order.folder))
    noted = dict(order.identity, site_packages=order.site_packages, distributions=installed.note(folder, site_packages))
    unit_files.write(os.path.join(folder, installed.NOTE), json.dumps(noted), 0o644, os.geteuid())


def replace(folder: str, new: str) -> None:
    """Replace a folder by two renames, because rename(2) cannot replace a folder with files in it."""
    former = hidden(folder, "former")
    shutil.rmtree(former, ignore_errors=True)
    os.rename(folder, former)
    os.rename(new, folder)
    shutil.rmtree(former, ignore_errors=True)
