"""Faults in years of service: bad releases, a port that is in use, a full disk, killed workers, two runs at once.

None of them serves a wrong page, or loses the former release. Runs that are killed are in test_served.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal

import pytest
from deploys import (
    MAIN_PID,
    NEXT_UNITS,
    ROOT,
    URL,
    Load,
    asked,
    begun,
    current,
    deploy,
    edited,
    eventually,
    get,
    got,
    in_hand,
    machine,
    main_pid,
    play,
    refused,
    version,
)

# Each breaks the shop in one way, and has other secrets. The last item is in the run's message. The unit tests of
# health.py, which finds such faults, cover more of them.
BROKEN = {
    "error at import": (
        ('VERSION = "1"', 'VERSION = os.environ["NOT_SET"]'),
        {"OTHER": "another"},
        ['web.py", line 12', "KeyError: 'NOT_SET'"],
    ),
    "unwell": (
        ('return "well\\n"', "return 'the database is away', 503"),
        {"SHOP_KEY": "changed"},
        ["GET /healthz answered 503: the database is away"],
    ),
}


@pytest.fixture(autouse=True)
def served():
    """Serve the scenario's application again, so that a test that failed does not affect the next one."""
    with contextlib.suppress(OSError):
        if get() == "shop 1\n":
            return
    deploy()


# The files that the served release reads at its next start.
SETTINGS = "cd /etc/webserver/credentials && sha256sum * && stat -c '%n %a %U' *; cd /opt/webserver && sha256sum *.py"


def state() -> tuple:
    """Return the state that a refused run must not change."""
    there = machine(f"{MAIN_PID}; systemctl --failed --plain --no-legend; {SETTINGS}; ls releases environments")
    return current(), there, get()


@pytest.mark.parametrize("change, secrets, said", BROKEN.values(), ids=BROKEN.keys())
def test_broken_release_is_refused(tmp_path, change, secrets, said):
    before = state()
    source = edited(tmp_path, *change)
    run = refused(webserver_app_src=source, webserver_keep_alive=33, webserver_secrets=secrets)
    assert f"Release {before[0]} is served as before; the new one was not taken:" in run.text
    for words in said:
        assert words in run.text
    failures = re.findall(r"^fatal: .*?^$", run.stdout, re.MULTILINE | re.DOTALL)
    assert [said[-1] in " ".join(failure.split()) for failure in failures] == [True], "what is long is said once"
    assert state() == before
    machine("systemctl restart webserver.service")
    assert len(get("key")) == 65, "it still has its secret"


def test_change_of_the_server_and_back_and_a_failure_on_it(tmp_path):
    """The gate does not find faults that appear only on the other server. No part of the former server may stay."""
    servers = {
        "flask": ("'gunicorn' not in sys.modules", "inactive", "flask run"),
        "gunicorn": ("'LISTEN_FDS' in os.environ", "active", "gunicorn"),
    }
    for other, (trap, socket, process) in servers.items():
        no_options = {"webserver_gunicorn_options": {}} if other == "flask" else {}
        server = {"webserver_server": other, **no_options}
        before = current(), get(), machine(f"systemctl is-active webserver.socket webserver.service; {SETTINGS}")
        source = edited(tmp_path / other, 'VERSION = "1"', f'import sys\n\nVERSION = "1" if not {trap} else 1 / 0')
        run = refused(webserver_app_src=source, webserver_start_timeout=5, webserver_keep_alive=33, **server)
        assert f"The change was undone: release {before[0]} is served as before." in run.text
        active = machine(f"systemctl is-active webserver.socket webserver.service; {SETTINGS}")
        assert (current(), get(), active) == before
        deploy(**server)
        assert get() == "shop 1\n"
        assert machine("systemctl is-active webserver.socket") == socket
        assert process in machine(f"ps -o args= -p {main_pid()}")


def test_requirements_that_cannot_be_installed_are_refused(tmp_path):
    before = state()
    run = refused(webserver_app_src=edited(tmp_path, "markdown==3.9", "markdown==3.999", file="requirements.txt"))
    assert "markdown==3.999" in run.text
    assert state() == before


def test_bad_input_is_refused_by_name(tmp_path):
    """Each input has its own host. All hosts are the same machine."""
    said = {
        "source": "webserver_app_src: /no/such/folder is not a folder on the control node.",
        "version": "webserver_app_src: git could not get version v9 of the repository.",
        "module": "webserver_app: other:app needs the file other.py in ",
        "debug": "webserver_debug: in debug mode Flask shows how the application works inside",
        "site": "webserver_dir: webserver.service on this machine serves the application in /opt/webserver, not in",
    }
    hosts = {
        "source": {"webserver_app_src": "/no/such/folder"},
        "module": {"webserver_app": "other:app"},
        "version": {"webserver_app_version": "v9"},
        "debug": {"webserver_debug": True},
        "site": {"webserver_dir": "/opt/other"},
    }
    common = {"webserver_app_src": version(tmp_path, "1"), "ansible_ssh_common_args": f'-F "{ROOT}/.demo/ssh_config"'}
    machines = {name: {**common, **variables} for name, variables in hosts.items()}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"webservers": {"hosts": machines}}))
    before = state()
    run = refused("--inventory", str(inventory), "--limit", ":".join(hosts))
    assert {name: words in run.fatal(name) for name, words in said.items()} == dict.fromkeys(said, True), run.stdout
    assert state() == before


def test_disk_that_the_requirements_fill_leaves_the_former_release(tmp_path):
    before = state()
    machine(
        "free=$(df -m --output=avail /opt/webserver | tail -n 1);"
        "dd if=/dev/zero of=/opt/webserver/ballast bs=1M count=$((free - 70))"
    )
    source = edited(tmp_path, "markdown==3.9", "markdown==3.9\nnumpy", file="requirements.txt")
    try:
        run = refused(webserver_app_src=source)
    finally:
        machine("rm /opt/webserver/ballast")
    assert "No space left on device" in run.text or "disk" in run.text
    assert state() == before


def test_release_that_needs_more_memory_than_the_unit_may_use_is_refused(tmp_path):
    before = state()
    source = edited(tmp_path, 'VERSION = "1"', 'VERSION = "1"\nballast = b"x" * (400 << 20)')
    run = refused(webserver_app_src=source, webserver_memory_max="200M")
    assert "The kernel does that to a process when memory runs out." in run.text
    assert "webserver_memory_max" in run.text
    assert state() == before


def test_port_that_another_unit_takes_during_the_run():
    """Port 8080 is free in the preflight, but in use when the socket is to move there."""
    machine(
        "systemd-run --unit thief --quiet sh -c '"
        "until grep -q :8080 /etc/systemd/system/webserver.socket; do sleep 0.02; done;"
        "exec python3 -m http.server 8080'"
    )
    before = state()
    try:
        run = play("site.yml", webserver_port=8080)
    finally:
        machine("systemctl stop thief")
    assert run.rc == 2, run.stdout
    assert "Port 8080 is held by thief.service." in run.text
    assert f"The change was undone: release {before[0]} is served as before." in run.text
    assert eventually(lambda: get() == "shop 1\n")
    assert current() == before[0]
    assert deploy().changed == 0, "the former files were put back"


def kill_workers():
    pids = machine(f"pgrep -P $({MAIN_PID})").split()
    assert pids
    machine(f"kill -9 {' '.join(pids)}")


def test_a_killed_worker_loses_only_its_unfinished_requests():
    """The other workers and the new ones answer all other requests. No request is handled twice."""
    before = in_hand()
    clients = asked(4) + asked(method="POST")
    kill_workers()
    assert got(clients) == [""] * 5
    assert in_hand() == before + 5
    with Load(URL, ["shop 1"], requests_per_second=200, seconds=60) as load:
        load.wait_for(400)
    assert load.result.failed == 0, load.result


def test_release_that_starts_only_in_the_gate_leaves_the_former_server_running(tmp_path):
    before = state()
    change = ('VERSION = "1"', 'VERSION = "1" if "LISTEN_FDS" not in os.environ else 1 / 0')
    run = refused(webserver_app_src=edited(tmp_path, *change))
    assert f"Release {before[0]} is served as before; the new one was not taken:" in run.text
    assert "ZeroDivisionError: division by zero" in run.text
    assert state() == before
    assert machine(NEXT_UNITS) == ""


def test_run_that_is_repeated_while_the_gate_still_waits_is_refused_too(tmp_path):
    before = current(), main_pid(), get()
    hangs = edited(tmp_path / "hangs", 'VERSION = "1"', 'VERSION = "1"\ntime.sleep(1000)')
    run = begun(webserver_app_src=hangs, webserver_start_timeout=300)
    try:
        gates = "systemctl list-units --all --plain --no-legend 'webserver-gate@*'"
        assert eventually(lambda: "activating" in machine(gates))
        meanwhile = refused(webserver_app_src=version(tmp_path / "other", "2"))
        assert f"(process {run.pid}) has been deploying to this machine since 20" in meanwhile.text
        assert play("playbooks/rollback.yml").rc == 2
        assert "activating" in machine(gates), "the first run is not disturbed"
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    machine("systemd-run --quiet --on-active=3 systemctl kill --signal=KILL 'webserver-gate@*'")
    again = refused(webserver_app_src=hangs, webserver_start_timeout=3).text
    assert f"Release {before[0]} is served as before; the new one was not taken: GET /healthz got no answer" in again
    assert (current(), main_pid(), get()) == before
