# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Reads the application on the control node, for the action plugins of release and site."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any, Iterator, Mapping, NamedTuple

from ansible.errors import AnsibleActionFail
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, shared


class Source(NamedTuple):
    """The content of a release, and the release's name."""

    folder: str
    exclude: list[str]
    entries: list[application.Entry]  # the files on the control node
    deployed: list[application.Entry]  # the files of the release, in which some are links
    environment: dict[str, str]
    name: str


@contextlib.contextmanager
def source_of(options: Mapping[str, Any]) -> Iterator[Source]:
    """Read the application that `src` or `content` gives, with the other options of the module `release` for it.

    The folder of `content` is there until the context ends. Raises AnsibleActionFail if an option is missing or wrong,
    or if the application cannot be read.
    """
    content, src, environment = (options.get(name) for name in ("content", "src", "environment"))
    if (content is None) == (src is None):
        raise AnsibleActionFail("set exactly one of src and content")
    for name in ("venv", "user"):
        if not options.get(name):
            raise AnsibleActionFail(f"set {name}: src and content need it")
    for name, value in (("content", content), ("environment", environment)):
        if not isinstance(value or {}, dict):
            raise AnsibleActionFail(f"{name}: {value} is not a dictionary")
    paths, kept_in = options.get("shared") or [], options.get("shared_in")
    if paths and not kept_in:
        raise AnsibleActionFail("set shared_in: shared needs it")
    variables = {name: str(value) for name, value in (environment or {}).items()}
    exclude = options.get("exclude", application.EXCLUDE)
    with tempfile.TemporaryDirectory() as written:
        folder = _write(content or {}, written) if src is None else os.path.expanduser(src)
        entries = read(folder, exclude)
        deployed = shared.with_links(entries, paths, kept_in or "")
        name = application.release_name(deployed, options["venv"], variables, options["user"])
        yield Source(folder, exclude, entries, deployed, variables, name)


def read(folder: str, exclude: list[str]) -> list[application.Entry]:
    """Return the files of the application. Raises AnsibleActionFail."""
    try:
        return application.read(folder, exclude)
    except application.Unfit as error:
        raise AnsibleActionFail(
            f"src: {error}. Replace it with a file. Or leave it out: add its name to webserver_app_exclude, from which"
            " the webserver role sets the option exclude."
        ) from None  # ansible-core 2.19 and newer would print the cause again
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(f"src: {error}") from error


def _write(content: Mapping[str, str], folder: str) -> str:
    for path, text in content.items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w", encoding="utf-8", newline="") as file:
            file.write(text)
    return folder
