# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environment argv[1] for the Python this runs on, unless it is sound; argv[2] is make or check.

Prints {"changed": bool, "python": "3.11"}. What is wrong, and what to do, is the last line on stderr.
"""
import json
import os
import subprocess
import sys

folder, mode = sys.argv[1:]
python = "%d.%d" % sys.version_info[:2]


def is_sound():
    """Whether the environment's own Python starts, is of the same minor version, and has pip."""
    probe = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [os.path.join(folder, "bin", "python"), "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.decode().strip() == python


def holds_files_of_others():
    """Whether remaking the folder would lose something: it has files, and is no virtual environment."""
    if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
        return False
    return os.path.isfile(folder) or any(files for dummy, dummy, files in os.walk(folder))


def nearest_existing(path):
    return path if os.path.exists(path) else nearest_existing(os.path.dirname(path))


changed = not is_sound()
if changed:
    if holds_files_of_others():
        sys.exit(folder + " has files in it and is no virtual environment. Name a folder that is empty or not there.")
    if not os.access(nearest_existing(os.path.abspath(folder)), os.W_OK):
        sys.exit(folder + " cannot be written by this user. Set 'become: true' for the play or the role.")
    if mode == "make":
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if made.returncode != 0:
            said = (made.stdout.decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
            sys.exit("%s -m venv could not make %s. It said: %s" % (sys.executable, folder, said))
json.dump({"changed": changed, "python": python}, sys.stdout)
