"""The program that runs a command in the served release, in every installed sh. `sudo shop flask shell` starts it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import render

SHELLS = [path for path in map(shutil.which, ("dash", "bash")) if path]
# It runs the command itself, and prints which options it got.
SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != /bin/sh ]; do echo "$1"; shift; done
CREDENTIALS_DIRECTORY=FOLDER exec "$@"
"""


@pytest.fixture(params=SHELLS, ids=lambda path: path.rpartition("/")[2])
def shop(request, tmp_path):
    """Calls the program as a user, and returns what it did."""
    (tmp_path / "systemd-run").write_text(SYSTEMD_RUN.replace("FOLDER", str(tmp_path)))
    (tmp_path / "systemd-run").chmod(0o755)
    (tmp_path / "DATABASE_URL").write_text("battery staple")
    (tmp_path / "current" / "app").mkdir(parents=True)

    def call(*words, uid="0", systemd=252, **variables):
        (tmp_path / "id").write_text(f"#!/bin/sh\necho {uid}\n")
        (tmp_path / "id").chmod(0o755)
        script = render("webserver.sh", systemd, webserver_name="shop", webserver_dir=str(tmp_path), **variables)
        return subprocess.run(
            [request.param, "-c", script, "shop", *words],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_each_word_reaches_the_command_as_it_is(shop):
    words = "a b", "$HOME", "", "--quiet", "'", "`id`", "*"
    done = shop("printf", "<%s>", *words)
    assert done.stdout.endswith("".join(f"<{word}>" for word in words)), done
    assert "--pipe" in done.stdout.splitlines(), "there is no terminal"


def test_the_status_is_that_of_the_command(shop):
    assert shop("sh", "-c", "exit 3").returncode == 3


@pytest.mark.parametrize("systemd", [239, 252, 257])
def test_the_command_runs_as_the_service(shop, systemd):
    """With each directive of the service that limits it."""
    secrets = {"webserver_secrets": {"DATABASE_URL": "x"}, "webserver_unit_options": {"Nice": "5"}}
    given = {line[len("--property=") :] for line in shop("true", systemd=systemd, **secrets).stdout.splitlines()}
    unit = render("sandbox", systemd, webserver_name="shop", **secrets)
    wanted = {line for line in unit.splitlines() if line and not line.startswith("#")}
    assert "Nice=5" in wanted and "User=webserver" in wanted
    assert wanted <= given
    assert ("LoadCredential=DATABASE_URL:/etc/webserver/credentials/DATABASE_URL" in given) == (systemd >= 247)


def test_secrets_that_the_service_has_as_variables(shop):
    secrets = {"webserver_secrets": {"DATABASE_URL": "x"}, "__webserver_secrets_as_env": ["DATABASE_URL"]}
    done = shop("printenv", "DATABASE_URL", **secrets)
    assert done.stdout.splitlines()[-1] == "battery staple"
    assert shop("printenv", "DATABASE_URL").returncode == 1


def test_it_says_how_it_is_used(shop, tmp_path):
    asked = shop()
    assert (asked.returncode, asked.stderr) == (
        2,
        "Usage: sudo shop COMMAND [ARGUMENT]...    Example: sudo shop flask shell\n",
    )
    refused = shop("flask", "shell", uid="1000")
    assert refused.returncode == 1 and refused.stderr.endswith("with sudo: sudo shop flask shell\n")
    shutil.rmtree(tmp_path / "current")
    missing = shop("flask", "shell")
    assert missing.returncode == 1 and missing.stderr.startswith("No release of shop is served on this machine")
