# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Releases of an application on a managed node, in the layout of Capistrano.

    PATH/releases/NAME/app            the application's files
    PATH/releases/NAME/environment    its environment variables, for systemd's EnvironmentFile=
    PATH/releases/NAME/venv           a link to the virtual environment that belongs to it
    PATH/releases/NAME/files.json     its files with their digests, as they were unpacked
    PATH/releases/NAME/deployed       the number and the time of its last deploy; missing until it was deployed
    PATH/environments/ENVIRONMENT     virtual environments, each shared by the releases that link to it
    PATH/current                      a link to releases/NAME, the current release

Every change is one rename: readers, and the run after a killed one, find the state either before or after the change.
Deploys have numbers, because a machine's clock may be set back. A rollback is not a deploy. If a release has no number,
the modification time of its folder is the time of its deploy, and 1970 means that it was not deployed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import tarfile
import time
from typing import Any, Collection, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, installed, shared

PARTIAL = ".partial"
FILES = "files.json"
DEPLOYED = "deployed"
LONGEST_TEXT = 1 << 16  # bytes of a file that a comparison shows
RESERVE = 64 << 20  # bytes that unpacking leaves free: journal and system write to this disk too


class Refused(Exception):
    """A step that cannot be done. The message is for people."""


class NoRoom(Refused):
    """The disk is too full for a release."""


class Release(NamedTuple):
    """A release that is on the machine."""

    name: str
    deployed: float | None  # the time of its last deploy, in seconds since 1970; None: it was never deployed
    venv: str  # the target of its link
    number: int  # the number of its last deploy; 0: never deployed, or deployed before deploys had numbers


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Wait until no other process changes the releases. A killed run may have left one on the managed node."""
    if not os.path.isdir(path):  # then no process does
        yield
        return
    with _opened(os.path.realpath(path)) as folder:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def folder_of(path: str, name: str) -> str:
    """Return the folder of a release."""
    return os.path.join(path, "releases", name)


def releases(path: str) -> list[Release]:
    """Return all releases: the last deployed one first, and those that were never deployed last."""
    found = [_release(path, name) for name in _names(os.path.join(path, "releases")) if not name.startswith(".")]
    return sorted(found, key=lambda release: (-release.number, -(release.deployed or 0), release.name))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _release(path: str, name: str) -> Release:
    folder = folder_of(path, name)
    venv = _link(os.path.join(folder, "venv")) or ""
    try:
        with open(os.path.join(folder, DEPLOYED), encoding="utf-8") as file:
            number, deployed = file.read().split()
        return Release(name, float(deployed), venv, int(number))
    except (OSError, ValueError):
        return Release(name, os.stat(folder).st_mtime or None, venv, 0)


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def current(path: str) -> str | None:
    """Return the name of the current release; None if there is none."""
    target = _link(os.path.join(path, "current"))
    return target and os.path.basename(target)


def former(path: str) -> str | None:
    """Return the release that was deployed before the current one; None if there is none any more."""
    names = [release.name for release in releases(path) if release.deployed]
    now = current(path)
    older = names[names.index(now) + 1 :] if now in names else []
    return older[0] if older else None


def find(path: str, name: str) -> Release:
    """Return a release by its name. Raises Refused if there is none, with the names of the others."""
    there = releases(path)
    for release in there:
        if release.name == name:
            return release
    known = ", ".join(release.name for release in there) or "none"
    raise Refused(f"there is no release {name} in {path}. The releases there: {known}")


def is_sound(venv: str) -> bool:
    """Return whether a virtual environment was completed, and no file of its packages was lost or changed later."""
    noted = installed.read_note(venv)
    return noted is not None and installed.has_python(venv) and not installed.damaged(venv, noted)


def is_whole(path: str, name: str, venv: str, environment: Mapping[str, str], group: int | None) -> bool:
    """Return whether a release has all the files that were unpacked, unchanged, and the group can read them.

    Files that were added later do not count.
    """
    folder = folder_of(path, name)
    app = os.path.join(folder, "app")
    brought = _brought(path, name)
    try:
        with open(os.path.join(folder, "environment"), encoding="utf-8") as file:
            variables = file.read()
        unchanged = all(application.entry(os.path.join(app, each.path), each.path) == each for each in brought)
    except (OSError, ValueError, TypeError):
        return False
    return (
        bool(brought)
        and unchanged
        and os.stat(folder).st_gid == group
        and variables == _environment_file(environment)
        and _link(os.path.join(folder, "venv")) == venv
    )


def give_to_group(path: str, name: str, group: int) -> None:
    """Let a group read a release, because webserver_user may have changed since the release was unpacked."""
    if os.stat(folder_of(path, name)).st_gid != group:
        os.chown(folder_of(path, name), -1, group)


def _brought(path: str, name: str) -> list[application.Entry]:
    """Return the files of a release as they were unpacked; empty if files.json cannot be read."""
    try:
        with open(os.path.join(folder_of(path, name), FILES), encoding="utf-8") as file:
            entries = [application.Entry(*each) for each in json.load(file)]
    except (OSError, ValueError, TypeError):
        return []
    return entries if all(isinstance(each.path, str) for each in entries) else []


def make_folders(path: str) -> None:
    """Make the folders for releases and environments."""
    for folder in (path, os.path.join(path, "releases"), os.path.join(path, "environments")):
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o755)


def _environment_file(environment: Mapping[str, str]) -> str:
    return "".join(f"{name}={quoted(value)}\n" for name, value in sorted(environment.items()))


def unpack(
    path: str,
    name: str,
    archive: str,
    venv: str,
    environment: dict[str, str],
    group: int,
    outlives: shared.Shared | None = None,
) -> None:
    """Make a release of the files in an archive. Raises Refused if the disk has no room.

    What `outlives` the release becomes links.

    If a release of this name exists, because somebody changed its files, it is replaced. If it is the current release,
    the link to it is made again, so that its unit counts as outdated. The files belong to root, and only the group of
    the application's user may read them.
    """
    partial = folder_of(path, "." + name + PARTIAL)
    app = os.path.join(partial, "app")
    make_folders(path)
    try:
        shutil.rmtree(partial, ignore_errors=True)  # a killed run may have left it
        os.mkdir(partial, 0o700)  # no other user may read it before the group owns it
        copied = _extract(path, archive, app)
        entries = application.read(app)
        _refuse_edited(copied, entries)
        os.symlink(venv, os.path.join(partial, "venv"))
        with open(os.path.join(partial, "environment"), "w", encoding="utf-8") as file:
            file.write(_environment_file(environment))
        _give_to_group(partial, group)
        if outlives:
            shared.put_links(app, outlives)
            entries = shared.with_links(entries, outlives.paths, outlives.folder)
        _date(path, app, entries, [entry.path for entry, source in copied.items() if entry.path == source])
        with open(os.path.join(partial, FILES), "w", encoding="utf-8") as file:
            json.dump(entries, file)
        os.utime(partial, (0, 0))
        if os.path.lexists(folder_of(path, name)):
            _replace(path, name, partial)
        else:
            os.rename(partial, folder_of(path, name))
    except shared.Failed as error:
        raise Refused(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused(f"the disk of {path} is full") from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # it exists only after an error


def unchanged(path: str) -> set[str]:
    """Return the digests of the current release's files, except of links and of files that were edited."""
    name = current(path)
    app = os.path.join(path, "current", "app")
    found = set()
    for each in _brought(path, name) if name else []:
        with contextlib.suppress(OSError, ValueError):
            file = os.path.join(app, each.path)
            if not os.path.islink(file) and application.entry(file, each.path).digest == each.digest:
                found.add(each.digest)
    return found


def _extract(path: str, archive: str, app: str) -> dict[application.Entry, str]:
    """Unpack an archive. Copy the files that it only lists from the current release.

    Copies, not hard links: if somebody edits a file of one release, those of the others must stay. Returns the copied
    files, each with the path of its source. Raises Refused if the disk has no room.
    """
    served = os.path.join(path, "current", "app")
    with tarfile.open(archive) as opened:
        members, listed = application.contents(opened)
        sources = _sources(path, listed)
        sizes = [os.stat(os.path.join(served, source)).st_size for source in sources.values()]
        _refuse_without_room(path, sum(sizes) + sum(member.size for member in members))
        # The archive is our own. By default, Python 3.14 would refuse links that lead out of the folder.
        options: dict[str, Any] = {"filter": "fully_trusted"} if hasattr(tarfile, "data_filter") else {}
        opened.extractall(app, members, **options)
    for folder in {os.path.dirname(entry.path) for entry in sources}:
        os.makedirs(os.path.join(app, folder), exist_ok=True)
    for entry, source in sources.items():
        target = os.path.join(app, entry.path)
        shutil.copyfile(os.path.join(served, source), target)
        os.chmod(target, application.PERMISSIONS[entry.executable])
    return sources


def _sources(path: str, entries: Iterable[application.Entry]) -> dict[application.Entry, str]:
    """Return which file of the current release has the content of each entry: if possible, the one at its path."""
    name = current(path)
    paths: dict[str, list[str]] = {}
    for entry in _brought(path, name) if name else []:
        paths.setdefault(entry.digest, []).append(entry.path)
    return {
        entry: entry.path if entry.path in paths.get(entry.digest, [entry.path]) else paths[entry.digest][0]
        for entry in entries
    }


def _refuse_edited(copied: Mapping[application.Entry, str], entries: Iterable[application.Entry]) -> None:
    there = set(entries)
    for entry, source in copied.items():
        if entry not in there:
            raise Refused(f"{source} of the served release changed while it was copied. Run this again")


def _date(path: str, app: str, entries: Iterable[application.Entry], copied: Collection[str]) -> None:
    """Give new files the time at which their content came to the machine, for HTTP's Last-Modified.

    A file that is the same in the served release keeps its time, as do those that were `copied` from there. A changed
    file gets a newer time than there, even if the clock was set back, so that no browser keeps its old copy.
    """
    now, served = time.time(), os.path.join(path, "current", "app")
    same = set(copied)
    for entry in entries:
        moment = now
        with contextlib.suppress(OSError, ValueError):
            there = os.path.join(served, entry.path)
            before = os.lstat(there).st_mtime
            is_same = entry.path in same or application.entry(there, entry.path).digest == entry.digest
            if before:  # 0 (1970): that release did not set the times of its files
                moment = before if is_same else max(now, before + 1)
        os.utime(os.path.join(app, entry.path), (moment, moment), follow_symlinks=False)


def _replace(path: str, name: str, partial: str) -> None:
    """Replace a release by two renames, because rename(2) cannot replace a folder with files in it.

    The release keeps its place in the order, and hard links keep the files that were not unpacked, such as the
    application's own data.
    """
    folder, hidden = folder_of(path, name), folder_of(path, f".{name}.changed{PARTIAL}")
    shutil.rmtree(hidden, ignore_errors=True)
    deployed = os.stat(folder).st_mtime
    with contextlib.suppress(FileNotFoundError):
        shutil.copy(os.path.join(folder, DEPLOYED), os.path.join(partial, DEPLOYED))
    app = os.path.join(folder, "app")
    if os.path.isdir(app) and not os.path.islink(app):
        with _opened(app) as there, _opened(os.path.join(partial, "app")) as here:
            _link_what_lacks(there, here)
    os.utime(partial, (deployed, deployed))
    os.rename(folder, hidden)
    os.rename(partial, folder)
    if current(path) == name:
        _make_current(path, name)
    shutil.rmtree(hidden, ignore_errors=True)  # the application may still write there; prune() removes the rest


def _link_what_lacks(source: int, target: int) -> None:
    """Link the files that only the source has into the target.

    They stay in the source too, so that the run may be killed at any moment. Both are open folders, because the owner
    of a folder could put a link in its place while root works there.
    """
    for name in os.listdir(source):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # removed meanwhile, or a file in one of them
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                with contextlib.suppress(FileExistsError):
                    os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
                continue
            is_new = _make_folder(name, target)
            with _opened(name, source) as there, _opened(name, target) as here:
                _link_what_lacks(there, here)
                if is_new:
                    os.fchown(here, status.st_uid, status.st_gid)
                    os.fchmod(here, stat.S_IMODE(status.st_mode))


def _make_folder(name: str, parent: int) -> bool:
    """Make a folder. Returns False if there is already something of that name."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def _opened(folder: str, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def quoted(value: str) -> str:
    """Return a value in the syntax of EnvironmentFile= (systemd.exec(5))."""
    escaped = re.sub(r'(["\\`$])', r"\\\1", value)
    return f'"{escaped}"'


def _refuse_without_room(path: str, size: int) -> None:
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    if free < size + RESERVE:
        raise NoRoom(
            f"the disk of {path} has {free >> 20} MiB free. The release needs {(size >> 20) + 1} MiB, and"
            f" {RESERVE >> 20} MiB must stay free. Keep fewer releases, or make the disk larger"
        )


def _give_to_group(folder: str, group: int) -> None:
    os.chmod(folder, 0o750)
    os.chown(folder, -1, group)
    for parent, folders, _files in os.walk(folder):
        for name in folders:
            if not os.path.islink(os.path.join(parent, name)):
                os.chmod(os.path.join(parent, name), 0o755)


def switch(path: str, name: str, deployed: bool = True) -> bool:
    """Make a release the current one, in one step. Returns whether another one was current before.

    With `deployed`, the release becomes the last deployed one. Without it, as in a rollback, it keeps its place in the
    order.
    """
    find(path, name)
    if current(path) == name:
        return False
    if deployed:
        _write_whole(
            os.path.join(folder_of(path, name), DEPLOYED),
            f"{max(release.number for release in releases(path)) + 1} {time.time()}\n",
        )
    _make_current(path, name)
    return True


def _write_whole(path: str, text: str) -> None:
    with open(path + PARTIAL, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + PARTIAL, path)


def _make_current(path: str, name: str) -> None:
    link = os.path.join(path, ".current" + PARTIAL)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(link)
    os.symlink(os.path.join("releases", name), link)
    os.rename(link, os.path.join(path, "current"))


def superfluous(path: str, keep: int, before: str | None = None) -> list[str]:
    """Return the releases to remove, so that `keep` of them stay.

    At least two stay: the current release and the one that was current before it (`before`), because the current one
    may turn out to be faulty. Releases that were never deployed do not stay.
    """
    serving = current(path)
    others = [release for release in releases(path) if release.name != serving]
    deployed = sorted((each.name for each in others if each.deployed), key=lambda name: name != before)
    kept = deployed[: max(keep - 1, 1)]
    return [release.name for release in others if release.name not in kept]


def prune(path: str, keep: int, before: str | None = None) -> list[str]:
    """Remove superfluous releases, remains of killed runs, and environments that no release links to.

    Returns the names of the removed releases.
    """
    removed = superfluous(path, keep, before)
    for name in removed:
        _remove_tree(folder_of(path, name))
    _remove_remains(path)
    return removed


def make_room(path: str, keep: int, name: str, venv: str) -> None:
    """Remove before a deploy what it would remove at its end, so that a full disk does not prevent all later deploys.

    These are remains of killed and refused runs, and superfluous releases after `keep` was lowered. The release `name`
    and the environment `venv` stay if they exist, because this deploy uses them.
    """
    for each in superfluous(path, keep):
        if each != name:
            _remove_tree(folder_of(path, each))
    _remove_remains(path, venv)


def remove(path: str, name: str) -> bool:
    """Remove one release. Returns whether it was there. Raises Refused for the current release.

    Its environment stays, because the next try most often needs the same packages. prune() removes it.
    """
    if name == current(path):
        raise Refused(f"the release {name} in {path} is being served: switch to another one first")
    there = os.path.lexists(folder_of(path, name))
    if there:
        _remove_tree(folder_of(path, name))
    return there


def _remove_tree(folder: str) -> None:
    """Remove a release. Renames it first, so that a half-removed release is never found."""
    hidden = os.path.join(os.path.dirname(folder), "." + os.path.basename(folder) + PARTIAL)
    shutil.rmtree(hidden, ignore_errors=True)
    os.rename(folder, hidden)
    shutil.rmtree(hidden)


def _remove_remains(path: str, venv: str = "") -> None:
    for folder in _remains(path, venv):
        shutil.rmtree(folder, ignore_errors=True)


def _remains(path: str, venv: str) -> Iterator[str]:
    for name in _names(os.path.join(path, "releases")):
        if name.endswith(PARTIAL):
            yield folder_of(path, name)
    used = {os.path.basename(each) for each in [venv, *(release.venv for release in releases(path))]}
    for name in _names(os.path.join(path, "environments")):
        if name not in used:
            yield os.path.join(path, "environments", name)


def differing(path: str, name: str, digests: dict[str, str]) -> dict[str, str | None]:
    """Return the files of a release that are missing or differ from `digests` (SHA-256 by file name), with their text.

    The text is None if a file is missing, is not text, is very long, or may contain secrets: with `-vvv`, Ansible
    prints what a module returns. Files that were not unpacked, such as the application's own data, are not read.
    """
    app = os.path.join(folder_of(path, name), "app")
    found: dict[str, str | None] = {}
    for file_name in sorted({entry.path for entry in _brought(path, name)} | set(digests)):
        file = os.path.join(app, file_name)
        try:
            digest = application.entry(file, file_name).digest
        except (OSError, ValueError):
            found[file_name] = None
        else:
            if digest != digests.get(file_name):
                found[file_name] = None if application.is_secret(file_name) else _text(file)
    return found


def differing_variables(path: str, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return which environment variables of a release would be `new`, `changed` or `gone`, by name.

    Their values are left out, because they may be secrets.
    """
    try:
        with open(os.path.join(folder_of(path, name), "environment"), encoding="utf-8") as file:
            there = "\n" + file.read()
    except OSError:
        return {}
    names = re.findall(r'^(\w+)="', there, re.MULTILINE)
    found = {each: "gone" for each in names if each not in environment}
    for each, value in environment.items():
        if "\n" + _environment_file({each: value}) not in there:
            found[each] = "changed" if each in names else "new"
    return dict(sorted(found.items()))


def _text(path: str) -> str | None:
    if os.path.islink(path):
        return f"-> {os.readlink(path)}"
    with open(path, "rb") as file:
        content = file.read(LONGEST_TEXT + 1)
    try:
        return without_userinfo(content.decode()) if len(content) <= LONGEST_TEXT else None
    except UnicodeDecodeError:
        return None
