# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager, unit_files

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" | sed 's/ --property=[^ ]*//' >> {folder}/asked
[ ! -e {folder}/refusal ] || {{ cat {folder}/refusal >&2; exit 5; }}
cat {folder}/answer 2> /dev/null || true
"""
SHOWN = """Id=web.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
MainPID=812
NeedDaemonReload=no
ExecMainStartTimestampMonotonic=1
"""


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """A folder with the programs, which record their arguments."""
    for name in ("systemctl", "journalctl"):
        (tmp_path / name).write_text(PROGRAM.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(unit_files, "NOTES", str(tmp_path / "notes"))
    return tmp_path


@pytest.mark.parametrize(
    ("act", "command"),
    [
        (lambda: manager.restart("a.service"), "systemctl restart a.service"),
        (lambda: manager.stop("a.service"), "systemctl stop a.service"),
        (lambda: manager.stop("a.service", "b.service"), "systemctl stop a.service b.service"),
        (lambda: manager.start_now_and_at_boot("a.service"), "systemctl enable --now a.service"),
        (
            lambda: manager.disable("a.service", "b.socket"),
            "systemctl disable --now -- a.service b.socket\nsystemctl reset-failed -- a.service b.socket",
        ),
        (manager.reload, "systemctl daemon-reload"),
        (
            lambda: manager.journal("a.service"),
            "journalctl --unit a.service --boot --lines 200 --output cat --no-pager",
        ),
    ],
)
def test_commands(systemd, act, command):
    act()
    assert (systemd / "asked").read_text().strip() == command
    (systemd / "refusal").write_text("Unit a.service not found.\n")
    with pytest.raises(manager.Failed, match="Unit a.service not found"):
        act()


def test_a_silent_failure_is_reported_with_its_status(systemd):
    (systemd / "refusal").write_text("")
    with pytest.raises(manager.Failed, match="systemctl stop a.service: it ended with 5"):
        manager.stop("a.service")


def test_a_machine_without_the_program(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(manager.Failed, match="systemctl: No such file or directory"):
        manager.reload()


def test_a_unit_that_runs_with_an_older_file(systemd):
    (systemd / "answer").write_text(SHOWN)
    new = systemd / "gunicorn.conf.py"
    new.write_text("")
    seen = manager.look({"web.service": [str(new)]}, notes=False)["web.service"]
    assert (seen.unit.active, seen.unit.main_pid, seen.outdated_by) == (True, 812, [str(new)])
    assert not (systemd / "notes").exists(), "check mode writes nothing"
    manager.look({"web.service": [str(new)]})
    assert (systemd / "notes" / "web.service.json").exists()


def test_without_units_systemd_is_not_asked(systemd):
    assert manager.look({}) == {}
    assert not (systemd / "asked").exists()


@pytest.mark.parametrize(
    ("shown", "used"),
    [("35217408", 35217408), ("0", 0), ("[not set]", None), ("18446744073709551615", None), ("", None)],
)
def test_memory_of_a_unit(systemd, shown, used):
    (systemd / "answer").write_text(f"MemoryCurrent={shown}\n" if shown else "")
    assert manager.memory_used("a.service") == used
    assert (systemd / "asked").read_text().strip() == "systemctl show -- a.service"


@pytest.mark.parametrize(("last", "available"), [("MemAvailable:   24000 kB", 24000 * 1024), ("Buffers: 7 kB", 0)])
def test_memory_of_the_machine(tmp_path, monkeypatch, last, available):
    (tmp_path / "meminfo").write_text(f"MemTotal:  1000000 kB\nMemFree:  1000 kB\n{last}\n")
    monkeypatch.setattr(manager, "MEMINFO", str(tmp_path / "meminfo"))
    assert manager.memory_available() == available


def test_without_units_nothing_is_stopped(systemd):
    manager.stop()
    assert not (systemd / "asked").exists()
