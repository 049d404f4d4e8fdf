# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""Messages about deploys that did not serve their release. Runs on the control node."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import cause, printable
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import gate_refusal, read_only

# The line that systemd writes to the journal when it starts a unit. A unit in a crash loop repeats its output.
START = re.compile(r"^Start(?:ing|ed) .*$", re.MULTILINE)
MOST_LINES = 60
MOST_LINES_OF_PROCESS = 5
BEFORE = "-before@"  # in the name of the unit that runs webserver_before_switch
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def last_words(journal: str) -> str:
    """Return what a unit printed since its last start that printed anything."""
    parts = [part.strip() for part in START.split(printable(COLOUR.sub("", journal)))]
    return next((part for part in reversed(parts) if part), "The journal has nothing of the unit.")


def explained(journal: str) -> list[str]:
    """Return the first lines of last_words(), and what to do."""
    words = last_words(journal)
    return list(filter(None, [*words.splitlines()[:MOST_LINES], read_only.advice(words)]))


def prepared(printed: str) -> list[str]:
    """Return the last lines that the command before the switch printed, and what to do."""
    words = printable(COLOUR.sub("", printed)).splitlines()
    return [*words[-MOST_LINES:], *filter(None, [read_only.advice("\n".join(words))])]


def refusal(outcome: Mapping[str, Any], was_served: bool, is_new: bool, app: str) -> str:
    """Return the message for a release that did not pass the gate. `outcome` is the result of the module `site`.

    `was_served` says whether the site was served before this run, `is_new` whether the run brought the release, and
    `app` is the value of webserver_app.
    """
    journal, reason = outcome.get("gate") or "", outcome.get("reason") or ""
    why = gate_refusal.reason(last_words(journal), is_new, app) if journal else printable(reason)
    if BEFORE in (outcome.get("trial") or ""):
        why = "\n".join(["webserver_before_switch failed:", *(prepared(journal) or [printable(reason)])])
    return f"{not_taken(outcome, was_served, is_new)}\n{why}"


def not_taken(outcome: Mapping[str, Any], was_served: bool, is_new: bool) -> str:
    """Return what is served now, as the head of a message that says why the release was not taken.

    `outcome` has no former release on a new machine, or if the former release is not known.
    """
    former, release = (printable(str(outcome.get(name) or "")) for name in ("former", "release"))
    if not former and was_served:
        return "This run did not change what is served; the new release was not taken:"
    if not former:
        return "The release was not taken:"
    served = (
        "is served as before"
        if was_served
        else "stays the current release, but it was not served before this run and is not served now"
    )
    what = "the change" if release == former else "the new one" if is_new else release
    return f"Release {former} {served}; {what} was not taken:"


def undone(outcome: Mapping[str, Any], url: str, unit: str, listeners: Iterable[Mapping[str, Any]]) -> str:
    """Return the message for a release that could not be served. `listeners` are the sockets of its port.

    `unit` is the service, and `url` the page as the machine requests it.
    """
    former, own = printable(str(outcome.get("former") or "")), [unit, unit.replace(".service", ".socket"), None]
    holders = list(dict.fromkeys(each["unit"] for each in listeners if each["unit"] not in own))
    port = re.sub(r".*:(\d+)/.*", r"\1", url)
    reason, process = cause(printable(outcome.get("reason") or "")), printable(outcome.get("trial") or "")
    said = [f"With what this run changed, the page was not served at {url} on the machine ({reason})."]
    if process:
        return _ended_soon(outcome, former, process, reason)
    if holders:
        said.append(f"Port {port} is held by {printable(', '.join(holders))}.")
    if former and outcome.get("not_put_back"):
        why = printable(outcome["not_put_back"]).rstrip(".")
        said.append(f"Release {former} could not be restored: {why}.")
    elif former:
        said.append(f"The change was undone: release {former} is served as before.")
    said.append(
        f"The ports that the machine listens on and the last messages of {unit} are printed above. To see all messages,"
        f" run 'journalctl -u {unit}' on the machine."
    )
    return " ".join(said)


def _ended_soon(outcome: Mapping[str, Any], former: str, process: str, reason: str) -> str:
    words = " ".join(gate_refusal.said(last_words(outcome.get("gate") or "")).splitlines()[-MOST_LINES_OF_PROCESS:])
    if outcome.get("not_put_back"):
        end = f"Release {former} could not be restored: {printable(outcome['not_put_back']).rstrip('.')}."
    elif former and outcome.get("started"):
        end = f"The change was undone: release {former} is served as before."
    else:
        end = "The page is served."
    said = [
        "With what this run changed," if outcome.get("started") else "",
        f"{reason}. It printed: {words.rstrip('.')}.",
        end,
        read_only.advice(words),
        f"To see all that it printed, run 'journalctl -u {process}' on the machine.",
    ]
    return " ".join(filter(None, said))


def interrupted(outcome: Mapping[str, Any]) -> str:
    """Return how the deploy of an interrupted run ended. `outcome` is the result of the module `site`."""
    release, former = (printable(str(outcome.get(name) or "")) for name in ("release", "former"))
    who = printable(str((outcome.get("run") or {}).get("who") or "somebody"))
    ends = {
        "served": f"Release {release} is served.",
        "refused": f"Release {release} was not taken{f', and release {former} is served as before' if former else ''}.",
        "put back": f"Release {release} was not served{f', and release {former} is served again' if former else ''}.",
    }
    end = ends.get(outcome["outcome"], f"Neither release {release} nor release {former} is served.")
    reason = outcome.get("reason") or ""
    if outcome.get("gate"):
        reason = gate_refusal.said(last_words(outcome["gate"])).splitlines()[-1]
    why = f" The reason: {cause(printable(reason)).rstrip('.')}." if reason else ""
    return (
        f"The last run of {who} was cut off during its deploy. The machine has ended that deploy by itself. {end}{why}"
    )
