# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The output if the dynamic inventory of a plain checkout finds no machine."""

from __future__ import annotations

import os
import pathlib
import subprocess

from ansible_collections.flasklaunch.ec2.tests.unit.plugins.modules.ec2_api import served

ROOT = pathlib.Path(__file__).parents[4]


def graph(**environment):
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    known.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/none", AWS_SHARED_CREDENTIALS_FILE="/none")
    command = ["ansible-inventory", "-i", "inventory-ec2", "--graph"]
    known.update(NO_COLOR="1", **environment)
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)


def test_missing_credentials_are_reported_once():
    done = graph()
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith(f"[ERROR]: {ROOT.resolve()}/inventory-ec2/aws_ec2.yml: AWS could not be asked")
    assert "Unable to locate credentials. Give a profile" in said
    assert (done.returncode, done.stdout) == (1, "")


def test_if_there_is_no_instance_the_search_is_reported():
    with served() as url:
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        done = graph(AWS_ENDPOINT_URL=url, COLUMNS="1000", **keys)
    assert done.returncode == 0, done.stderr
    assert (
        "AWS knows no instance with instance-state-name running, tag:flask_site yes in region us-east-1." in done.stderr
    )
    assert "Check the regions in that file, the account (AWS_PROFILE), and the instance's tag and state." in done.stderr
