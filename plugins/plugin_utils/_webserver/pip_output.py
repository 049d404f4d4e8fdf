# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Explains why pip failed, and what to do, from pip's output. Runs on the control node."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import printable, shortened
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.userinfo import without_userinfo
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.module_failure import KILLED

LONGEST = 600  # characters of pip's output that a message repeats
# Printed by module_utils/_deploy/pip_job.py, by gcc if one of its processes was killed, and by Python.
OUT_OF_MEMORY = re.compile(
    r"killed a process for lack of memory|Killed signal terminated program|^MemoryError", re.MULTILINE
)
CERTIFICATE = re.compile(r"certificate verify failed|CERTIFICATE_VERIFY_FAILED", re.IGNORECASE)
FULL = "No space left on device"
RETRY = re.compile(r"Retrying .* broken by '(.*)': \S*$", re.MULTILINE)
OBJECT = re.compile(r"<[^>]*>[:,]? ?")  # differs at each try
VERSIONS = re.compile(r"\(from versions: [^)]*?((?:, [^,)]+){1,3})\)")
ERROR = re.compile(r"^ *(?:ERROR|error): *(.+)$", re.MULTILINE)
EXCEPTION = re.compile(r"^ERROR: Exception:\n(?:.*\n)*?(?=\w)(?!Traceback)(.+)", re.MULTILINE)
# A build's output in pip 22 and newer versions, and in older versions.
BUILD_OUTPUT = re.compile(
    r"^ *(?:╰─> \[\d+ lines? of output\]|Complete output \(\d+ lines?\):)\n(.*?)\n *(?:\[end of output\]|-{30,}$)",
    re.MULTILINE | re.DOTALL,
)
BUILD_FAILED = re.compile(r"subprocess-exited-with-error|Command errored out with exit status")
# The name of the package that failed, the most reliable pattern first.
PACKAGES = [
    re.compile(r"Failed to build '([^']+)'"),
    re.compile(r"^╰─> ([\w.-]+)$", re.MULTILINE),
    re.compile(r"Failed building wheel for (\S+)"),
    re.compile(r"No matching distribution found for (\S+)"),
    re.compile(r"setup\.py install for (\S+): finished with status 'error'"),
]
BEGUN = re.compile(r"^(?:Collecting|Processing|Obtaining) (\S+)", re.MULTILINE)
# The line of a build's output that gives the reason, the most reliable pattern first. The last error is often only the
# exit status of a compiler, which has printed the reason before.
CAUSES = [
    (0, re.compile(r"^.*\bfatal error: .+$", re.MULTILINE)),
    (0, re.compile(r"^.*:\d+: error: .+$", re.MULTILINE)),
    (-1, re.compile(r"^(?!.* failed with exit (?:code|status)).*error: .+$", re.MULTILINE | re.IGNORECASE)),
    (-1, re.compile(r"^.*\S.*$", re.MULTILINE)),
]
COMPILER = "'sudo yum install gcc python3-devel' (on Debian and Ubuntu 'sudo apt-get install gcc python3-dev')"
HINTS = [
    (r"\bpg_config\b", "psycopg2-binary has a wheel: require it instead of psycopg2."),
    (r"\bPython\.h\b", f"On the machine, {COMPILER} installs what this build needs."),
    (r"'[\w-]*(?:gcc|cc|g\+\+|clang)'", f"The machine has no compiler: {COMPILER} installs one."),
]


def why_pip_failed(result: Mapping[str, Any], python: str) -> str:
    """Return sentences for people: pip's error, and what to do. They do not contain user names or passwords of URLs.

    `result` is the registered result of the module virtual_environment. `python` is the minor version of the
    environment's Python, such as `3.9`.
    """
    stdout, stderr = (_clean(result.get(name)) for name in ("stdout", "stderr"))
    text = stderr or _clean(result.get("msg"))
    if result.get("rc") in KILLED or OUT_OF_MEMORY.search(text):
        return (
            "The kernel killed it, most likely because the machine ran out of memory. Use an instance with more"
            f" memory, add swap, or require versions that have a wheel for Python {python}: a build needs much memory."
        )
    words = _sentence(" ".join(_reasons(text, stdout)) or text)
    return f"pip reported: {words} {_advice(text, words, python)}"


def _clean(text: Any) -> str:
    return without_userinfo(printable(text or "")).strip()


def _sentence(words: str) -> str:
    return shortened(re.sub(r"\s+", " ", words).strip(), LONGEST).rstrip(".:") + "."


def _reasons(text: str, stdout: str) -> list[str]:
    """Return pip's reasons, each once: at each try, pip repeats the address that it cannot reach."""
    if _never_reached(text):
        return _unique(OBJECT.sub("", reason) for reason in RETRY.findall(text))
    build = _build_failure(text, stdout)
    if build:
        return [build]
    crash = EXCEPTION.search(text)
    if crash:
        return [crash.group(1)]
    return _unique(VERSIONS.sub(r"(from versions: …\1)", reason) for reason in ERROR.findall(text)) + _wrong_hash(text)


def _unique(reasons: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(reasons))


def _never_reached(text: str) -> bool:
    """Return whether pip never reached the index. Then its message about versions does not help."""
    return RETRY.search(text) is not None and (CERTIFICATE.search(text) is not None or "(from versions: none)" in text)


def _build_failure(text: str, stdout: str) -> str:
    outputs = BUILD_OUTPUT.findall(text)
    if not outputs or not BUILD_FAILED.search(text):
        return ""
    for index, pattern in CAUSES:
        lines = pattern.findall(outputs[-1])
        if lines:
            return f"{_package(text, stdout)} could not be built: {lines[index].strip()}"
    return ""


def _package(text: str, stdout: str) -> str:
    for pattern in PACKAGES:
        found = pattern.findall(f"{text}\n{stdout}")
        if found:
            return found[-1]
    begun = BEGUN.findall(stdout)
    return begun[-1] if begun else "a package"


def _wrong_hash(text: str) -> list[str]:
    found = re.search(r"DO NOT MATCH THE HASHES.*\n +(\S+) from ", text)
    return [f"The package is {found.group(1)}."] if found else []


def _advice(text: str, words: str, python: str) -> str:
    if CERTIFICATE.search(text):
        return (
            "The machine does not trust the certificate of the package index, or of a proxy in front of it. Set"
            " flask_pip_ca_bundle to the file on the machine that has the right certificates."
        )
    if FULL in text:
        return "The machine's disk is full. Lower webserver_keep_releases, remove other files, or use a larger volume."
    if _never_reached(text):
        return (
            "The machine cannot reach the package index. Set flask_pip_proxy, flask_pip_index_url or"
            " flask_pip_wheel_dir."
        )
    if _build_failure(text, ""):
        hints = [hint for pattern, hint in HINTS if re.search(pattern, words)]
        return " ".join(
            [
                f"pip builds a package only if there is no wheel of it for Python {python} on this kind of machine."
                " Require a version that has one, or install on the machine what the build needs.",
                *hints,
            ]
        )
    if "No matching distribution" in text:
        return f"flask_version and the application's requirements must exist for the machine's Python, {python}."
    return "Correct the requirements or the variable that names the package, and run this again."
