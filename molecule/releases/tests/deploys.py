"""Functions that the tests of this scenario share: run the collection's playbooks, and look at the machine."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

SCENARIO = pathlib.Path(__file__).parents[1]
ROOT = SCENARIO.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import load  # noqa: E402

Load = load.Load

INVENTORY = SCENARIO / "inventory"
CONTAINER = "flasklaunch-molecule-releases"
URL = "http://127.0.0.1:15060/"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# Warnings of Ansible itself about a playbook or a module.
ANSIBLES_OWN = re.compile(r"^\[(?:DEPRECATION )?WARNING\]: .*", re.MULTILINE)


class Run:
    """A finished ansible-playbook run."""

    def __init__(self, done: subprocess.CompletedProcess):
        assert ANSIBLES_OWN.findall(done.stdout) == [], done.stdout
        self.rc = done.returncode
        self.stdout = done.stdout
        self.text = " ".join(done.stdout.replace("''", "'").split())

    def fatal(self, host: str) -> str:
        """Return the output about a host's failures, in one line."""
        said = re.findall(rf"^fatal: \[{host}(?: -> \w+)?\]: (?:.*\n)(?:\s.*\n)*", self.stdout, re.MULTILINE)
        return " ".join("".join(said).replace("''", "'").split())

    @property
    def changed(self) -> int:
        return int(self.stdout.rsplit("changed=", 1)[1].split()[0])


def command(playbooks: str, *arguments: str, **variables: object) -> list[str]:
    """Return the command for one run of one or more playbooks, whose names are separated by blanks."""
    extra = ["--extra-vars", json.dumps(variables)] if variables else []
    names = [str(ROOT / name) for name in playbooks.split()]
    return ["ansible-playbook", *names, "--inventory", str(INVENTORY), *extra, *arguments]


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "1",
    }


def play(playbook: str, *arguments: str, **variables: object) -> Run:
    done = subprocess.run(
        command(playbook, *arguments, **variables),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    return Run(done)


def begun(playbook: str = "site.yml", **variables: object) -> subprocess.Popen:
    """Start a deploy in its own process group."""
    return subprocess.Popen(
        command(playbook, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


def deploy(*arguments: str, **variables: object) -> Run:
    run = play("site.yml", *arguments, **variables)
    assert run.rc == 0, run.stdout
    return run


def refused(*arguments: str, **variables: object) -> Run:
    run = play("site.yml", *arguments, **variables)
    assert run.rc == 2, run.stdout
    assert "Traceback" not in run.stdout or "File " in run.stdout, run.stdout  # the application's own, not ours
    return run


def machine(script: str) -> str:
    """Run a script as root on the machine, and return its output."""
    done = subprocess.run(
        ["docker", "exec", CONTAINER, "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout.strip()


def get(path: str = "", url: str = URL) -> str:
    with OPENER.open(url + path, timeout=10) as answer:
        return answer.read().decode()


def is_refused(url: str) -> bool:
    try:
        OPENER.open(url, timeout=2)
    except urllib.error.URLError:
        return True
    except OSError:
        return True
    return False


def eventually(check, seconds: float = 180):
    """Return the result of `check` as soon as it is true. Fails with its last exception or value if it never is."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, AssertionError):
            value = check()
            if value:
                return value
        if time.monotonic() > deadline:
            return check()
        time.sleep(0.1)


def releases() -> list[str]:
    return machine("ls /opt/webserver/releases").split()


def current() -> str:
    return machine("basename $(readlink /opt/webserver/current)")


MAIN_PID = "systemctl show webserver.service --property=MainPID --value"


def main_pid() -> str:
    return machine(MAIN_PID)


def version(folder: pathlib.Path, number: str) -> str:
    """Make another version of the shop in a folder. Returns the folder, for webserver_app_src."""
    return edited(folder, 'VERSION = "1"', f'VERSION = "{number}"')


def edited(folder: pathlib.Path, old: str, new: str, file: str = "shop/web.py") -> str:
    shutil.copytree(SCENARIO / "app", folder, dirs_exist_ok=True)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return str(folder)


# The next server, which starts before the former one ends.
NEXT_UNITS = "systemctl list-units --all --plain --no-legend 'webserver-next@*'"


def in_hand() -> int:
    """Return how many slow requests the workers have begun."""
    return int(machine("journalctl --unit webserver.service --output cat --no-pager | grep -c '^slow begins'"))


def asked(clients=1, method="GET", seconds=30):
    """Start clients with one request each, on separate connections, and wait until the workers have begun them all."""
    before = in_hand()
    ask = ["curl", "--silent", "--noproxy", "*", "--request", method, f"{URL}slow?seconds={seconds}"]
    running = [subprocess.Popen(ask, stdout=subprocess.PIPE, text=True) for _client in range(clients)]
    assert eventually(lambda: in_hand() == before + clients), f"{in_hand() - before} of {clients} requests have begun"
    return running


def got(clients):
    """Return the answers of the clients. An answer is empty if the connection was cut."""
    return [each.communicate()[0] for each in clients]
