# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs commands as a user does."""

from __future__ import annotations

import json
import subprocess


def run(*command, cwd=None, env=None):
    """Run a command and return `(exit status, text)`. The text is its output, with stderr."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def run_tasks(folder, tasks, variables):
    """Run the tasks on localhost with these variables. Returns as run() does. Writes the play into the folder."""
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    return run("ansible-playbook", "-i", "localhost,", "-c", "local", str(playbook))
