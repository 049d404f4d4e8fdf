"""Visitors send requests all the time, on new and on kept connections, and each gets a right page during all changes.

The runs that are cut off follow each other, so that each finds the remains of the one before.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import pytest
from deploys import (
    NEXT_UNITS,
    URL,
    Load,
    asked,
    begun,
    current,
    deploy,
    eventually,
    get,
    got,
    machine,
    main_pid,
    play,
    version,
)

UNWELL = 'return "well\\n"', "return 'the database is away', 503"


@pytest.fixture(scope="module")
def visitors():
    """Requests on loopback, at a limited rate."""
    deploy()
    with Load(URL, ["shop 1", "shop 2"], requests_per_second=120, seconds=3000) as load:
        yield load


@pytest.fixture(autouse=True)
def nobody_is_turned_away(visitors):
    yield
    assert visitors.result.failed == 0, visitors.result


def bad(folder) -> str:
    """Make a version that must never be served."""
    version(folder, "bad")
    text = (folder / "shop" / "web.py").read_text()
    (folder / "shop" / "web.py").write_text(text.replace(*UNWELL))
    return str(folder)


def seconds_to_start() -> float:
    """Return how long the running server took to start."""
    moments = "--property=ExecMainStartTimestampMonotonic --property=ActiveEnterTimestampMonotonic --value"
    begun, ready = map(int, machine(f"systemctl show webserver.service {moments}").split())
    return (ready - begun) / 1e6


def test_no_request_waits_for_a_long_answer_of_the_former_server(tmp_path, visitors):
    """The new server starts before the former one ends. The former one finishes the requests that it has begun."""
    visitors.result.longest_seconds = 0.0
    run = begun(webserver_app_src=version(tmp_path, "2"))
    assert eventually(lambda: " activating " in machine(NEXT_UNITS))
    long_answers = asked(seconds=15)
    assert eventually(lambda: get() == "shop 2\n")
    assert long_answers[0].poll() is None, "it is in hand when the new server answers"
    assert got(long_answers) == ["slept\n"]
    printed, _nothing = run.communicate()
    assert run.returncode == 0, printed
    assert visitors.result.longest_seconds < min(4 + seconds_to_start(), 15), visitors.result
    assert get() == "shop 2\n"


def test_rollback_restart_hup_and_crash_of_the_master(visitors):
    assert play("playbooks/rollback.yml").rc == 0
    assert get() == "shop 1\n"
    machine("systemctl restart webserver.service")
    visitors.wait_for(visitors.result.requests + 300)
    machine("systemctl kill --kill-who=main --signal=HUP webserver.service")
    visitors.wait_for(visitors.result.requests + 300)
    for _kill in range(3):
        before = main_pid()
        machine(f"kill -9 {before}")
        assert eventually(lambda pid=before: main_pid() not in ("0", pid))
        visitors.wait_for(visitors.result.requests + 200)


def test_release_that_was_changed_is_served_as_it_was_deployed():
    """Files that earlier versions of the role wrote for their own worker are removed."""
    machine("touch /opt/webserver/keeping_worker.py; echo '# read it' >> /opt/webserver/gunicorn.conf.py")
    name, before = current(), main_pid()
    machine(f"echo nonsense >> /opt/webserver/releases/{name}/app/shop/web.py")
    assert deploy().changed
    assert (current(), get()) == (name, "shop 1\n")
    assert main_pid() != before
    assert machine("ls /opt/webserver/*.py") == "/opt/webserver/gunicorn.conf.py\n/opt/webserver/health.py"
    assert deploy().changed == 0


def test_next_server_ends_with_a_deploy_that_is_killed_on_the_machine(tmp_path):
    run = begun(webserver_app_src=version(tmp_path, "2"))
    assert eventually(lambda: " active " in machine(NEXT_UNITS))
    machine("systemctl kill --signal=KILL webserver-deploy.service")
    printed, _nothing = run.communicate()
    assert run.returncode == 2, printed
    assert eventually(lambda: machine(NEXT_UNITS) == "")
    deploy()
    assert get() == "shop 1\n"


def kill_control_node(run: subprocess.Popen) -> None:
    """Kill ansible-playbook and its workers: each worker has a session of its own, and would go on with its task."""
    os.kill(run.pid, signal.SIGSTOP)
    workers = subprocess.run(["pgrep", "--parent", str(run.pid)], stdout=subprocess.PIPE, text=True, check=False)
    for group in [int(pid) for pid in workers.stdout.split()] + [run.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def end_connection(_run: subprocess.Popen) -> None:
    machine("pkill -KILL sshd")


def stop_sshd(run: subprocess.Popen) -> None:
    machine("systemctl stop sshd; pkill -KILL sshd")
    run.wait()
    machine("systemctl start sshd")


IS_AT_WORK = "systemctl is-active --quiet webserver-deploy.service && echo yes || true"
# A module that the machine got before the cut begins the deploy after it. Ansible names this mark in its command line.
HAS_A_MODULE = "pgrep --full '[B]ECOME-SUCCESS' || true"


def cut_off(cut, run: subprocess.Popen) -> str:
    """Cut a run off, and wait until the machine has ended the deploy. Returns the run's output."""
    cut(run)
    printed, _nothing = run.communicate()
    assert eventually(lambda: machine(HAS_A_MODULE) == "")
    assert eventually(lambda: machine(IS_AT_WORK) == "")
    return " ".join(printed.split())


def cut_off_in_the_deploy(cut, **variables: object) -> str:
    run = begun(**variables)
    assert eventually(lambda: machine(IS_AT_WORK) == "yes")
    time.sleep(0.5)
    return cut_off(cut, run)


def test_machine_ends_a_deploy_that_is_cut_off(tmp_path):
    """Without a control node, the machine serves a good release and refuses a bad one. The next run reports it."""
    ended = "was cut off during its deploy. The machine has ended that deploy by itself. Release"
    former = current()
    printed = cut_off_in_the_deploy(end_connection, webserver_app_src=bad(tmp_path / "bad"))
    assert (current(), get()) == (former, "shop 1\n")
    told = deploy(webserver_app_src=version(tmp_path / "good", "2")).text
    refusal = f"was not taken, and release {former} is served as before."
    # The machine may have ended the deploy before the cut.
    assert (ended in told and refusal in told) or "GET /healthz answered 503" in printed
    printed = cut_off_in_the_deploy(kill_control_node)
    assert (current(), get()) == (former, "shop 1\n")
    told = deploy().text
    assert (ended in told and f"Release {former} is served." in told) or "Confirm the outcome" in printed


# More cuts take longer and find more faults.
MOMENTS = int(os.environ.get("MOMENTS", "6"))


def test_run_that_is_cut_off_at_any_moment_leaves_a_release_serving(tmp_path):
    """Every second run has a bad release."""
    pages = {"shop 1\n": {}, "shop 2\n": {"webserver_app_src": version(tmp_path / "2", "2")}}
    began = time.monotonic()
    deploy(**pages["shop 2\n"])
    seconds = time.monotonic() - began
    cuts = [kill_control_node, end_connection, stop_sshd]
    for number in range(MOMENTS):
        page = get()
        (other,) = set(pages) - {page}
        brings_bad = number % 2 == 1
        run = begun(webserver_app_src=bad(tmp_path / f"bad {number}")) if brings_bad else begun(**pages[other])
        time.sleep(seconds * (number + 0.5) / MOMENTS)
        cut_off(cuts[number % len(cuts)], run)
        assert eventually(lambda: machine(NEXT_UNITS) == "")
        assert get() in ({page} if brings_bad else {page, other}), number
    deploy()
    assert get() == "shop 1\n"
    assert deploy().changed == 0
    assert machine("ls -A /opt/webserver/releases | grep partial || true") == ""


def test_the_visitors_were_many_and_saw_both_releases(visitors):
    visitors.wait_for(20000)
    assert set(visitors.result.bodies) == {"shop 1", "shop 2"}
