"""What goes wrong in years of service: bad releases, crashes, a taken port, a full disk, runs that are killed.

In none is a wrong page served, or the release lost that was served before.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest
from deploys import (
    MAIN_PID,
    ROOT,
    URL,
    command,
    current,
    deploy,
    edited,
    environment,
    eventually,
    get,
    machine,
    main_pid,
    play,
    refused,
    releases,
    version,
)

sys.path.insert(0, str(ROOT / "tests"))
from load import Load  # noqa: E402

# Each breaks the shop in one way; the second is what the run says of it.
BROKEN = {
    "syntax error": (('VERSION = "1"', "VERSION = ("), ["SyntaxError: '(' was never closed", "shop/web.py", "line 11"]),
    "import error": (("import markdown", "import markdwn"), ["ModuleNotFoundError: No module named 'markdwn'"]),
    "error at import": (
        ('VERSION = "1"', 'VERSION = os.environ["NOT_SET"]'),
        ["KeyError: 'NOT_SET'", 'web.py", line 11'],
    ),
    "unwell": (
        ('return "well\\n"', "return 'the database is away', 503"),
        ["GET /healthz answered 503: the database is away"],
    ),
    "error in a request": (
        ('return "well\\n"', "return 1 / 0"),
        ["ZeroDivisionError: division by zero", "GET /healthz answered 500"],
    ),
    "no health path": (('"/healthz"', '"/elsewhere"'), ["GET /healthz answered 404"]),
}


@pytest.fixture(autouse=True)
def served():
    """What a test before has failed to leave as it was is no fault of the next one."""
    with contextlib.suppress(OSError):
        if get() == "shop 1\n":
            return
    deploy()


def state() -> tuple:
    """What a refused run must leave as it was."""
    there = machine(f"{MAIN_PID}; systemctl --failed --plain --no-legend; {SETTINGS}; ls releases environments")
    return current(), there, get()


# What the served release reads when it is started again.
SETTINGS = "cd /opt/webserver && sha256sum *.py"


@pytest.mark.parametrize("change, said", BROKEN.values(), ids=BROKEN.keys())
def test_broken_release_is_not_taken(tmp_path, change, said):
    before = state()
    run = refused(webserver_app_src=edited(tmp_path, *change), webserver_keep_alive=33)
    assert f"Release {before[0]} is served as before; the new one was not taken:" in run.text
    for words in said:
        assert words in run.text
    assert "gunicorn/app/base.py" not in run.text
    failures = re.findall(r"^fatal: .*?^$", run.stdout, re.MULTILINE | re.DOTALL)
    assert [said[-1] in " ".join(failure.split()) for failure in failures] == [True], "what is long is said once"
    assert state() == before


def test_refused_release_that_was_good_once_stays(tmp_path):
    former = current()
    deploy(webserver_app_src=version(tmp_path, "other"))
    run = refused(webserver_health_path="/nowhere")
    assert "GET /nowhere answered 404" in run.text
    assert former in releases()
    deploy()
    assert current() == former


def test_release_that_somebody_changed_is_served_as_it_was_deployed():
    name = current()
    machine(f"echo nonsense >> /opt/webserver/releases/{name}/app/shop/web.py; systemctl restart webserver.service")
    assert deploy().changed
    assert (current(), get()) == (name, "shop 1\n")
    assert deploy().changed == 0


SECRETS = "cd /etc/webserver/credentials && sha256sum * && stat -c '%n %a %U' *"


@pytest.mark.parametrize("secrets", [{"OTHER": "another"}, {"SHOP_KEY": "changed"}], ids=["dropped", "changed"])
def test_refused_release_leaves_the_secrets_of_the_served_one(tmp_path, secrets):
    before = machine(SECRETS)
    broken = edited(tmp_path, *BROKEN["unwell"][0])
    refused(webserver_app_src=broken, webserver_secrets=secrets)
    assert machine(SECRETS) == before
    machine("systemctl restart webserver.service")
    assert len(get("key")) == 65


def test_secret_that_is_no_more_goes_when_the_new_release_is_served():
    deploy(webserver_secrets={"SHOP_KEY": "one", "OTHER": "hunter2"})
    without = deploy("--diff", webserver_secrets={"SHOP_KEY": "one"})
    assert machine("ls /etc/webserver/credentials") == "SHOP_KEY"
    assert "hunter2" not in without.stdout
    assert deploy(webserver_secrets={"SHOP_KEY": "one"}).changed == 0


def test_other_server_and_back_and_what_fails_on_it_is_undone(tmp_path):
    """The gate cannot see what fails on the other server alone. Nothing of the former one may stay in its way."""
    servers = {
        "flask": ("'gunicorn' not in sys.modules", "inactive", "flask run"),
        "gunicorn": ("'LISTEN_FDS' in os.environ", "active", "gunicorn"),
    }
    for other, (trap, socket, process) in servers.items():
        before = current(), get(), machine(f"systemctl is-active webserver.socket webserver.service; {SETTINGS}")
        source = edited(tmp_path / other, 'VERSION = "1"', f'import sys\n\nVERSION = "1" if not {trap} else 1 / 0')
        run = refused(
            webserver_app_src=source, webserver_server=other, webserver_start_timeout=5, webserver_keep_alive=33
        )
        assert f"The change was undone: release {before[0]} is served as before." in run.text
        active = machine(f"systemctl is-active webserver.socket webserver.service; {SETTINGS}")
        assert (current(), get(), active) == before
        deploy(webserver_server=other)
        assert get() == "shop 1\n"
        assert machine("systemctl is-active webserver.socket") == socket
        assert process in machine(f"ps -o args= -p {main_pid()}")


def test_callable_that_does_not_exist_is_not_taken():
    before = state()
    run = refused(webserver_app="shop.web:make_app()")
    assert "make_app" in run.text
    assert state() == before


def test_application_without_a_requirement_it_needs_is_not_taken(tmp_path):
    before = state()
    run = refused(webserver_app_src=edited(tmp_path, "markdown==3.9\n", "", file="requirements.txt"))
    assert "ModuleNotFoundError: No module named 'markdown'" in run.text
    assert "No package of the release has the module markdown." in run.text
    assert state() == before


def test_requirements_that_cannot_be_met_are_not_taken(tmp_path):
    before = state()
    run = refused(webserver_app_src=edited(tmp_path, "markdown==3.9", "markdown==3.999", file="requirements.txt"))
    assert "markdown==3.999" in run.text
    assert state() == before


def test_hash_that_does_not_match_is_not_taken(tmp_path):
    before = state()
    hashed = "markdown==3.9 --hash=sha256:" + "0" * 64
    source = edited(tmp_path, "flask>=3,<4\nmarkdown==3.9", hashed, file="requirements.txt")
    run = refused(webserver_app_src=source)
    assert "DO NOT MATCH THE HASHES" in run.text.upper()
    assert state() == before


def test_bad_input_is_refused_by_name(tmp_path):
    """A host for each, which all are the one machine."""
    said = {
        "source": "webserver_app_src: /no/such/folder is no folder on the control node.",
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


def test_release_that_does_not_fit_on_the_disk_is_not_taken(tmp_path):
    before = state()
    source = pathlib.Path(version(tmp_path, "huge"))
    with open(source / "film.bin", "wb") as film:
        film.truncate(200 << 20)
    run = refused(webserver_app_src=str(source))
    assert re.search(r"the disk of /opt/webserver has \d+ MiB free, and the release takes 201 MiB", run.text), (
        run.stdout
    )
    assert state() == before


def test_disk_that_is_full_for_the_requirements_leaves_the_old_release(tmp_path):
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


def test_release_that_needs_more_memory_than_the_unit_may_use_is_not_taken(tmp_path):
    before = state()
    source = edited(tmp_path, 'VERSION = "1"', 'VERSION = "1"\nballast = b"x" * (400 << 20)')
    run = refused(webserver_app_src=source, webserver_memory_max="200M")
    assert "The kernel does that to a process when memory runs out." in run.text
    assert "webserver_memory_max" in run.text
    assert state() == before


def test_port_that_another_unit_takes_during_the_run():
    """Nobody has port 8080 when preflight looks; somebody does when the socket is to move there."""
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


def test_crash_of_the_master_loses_no_request():
    assert machine("systemctl show webserver.service --property=RestartUSec --value") == "100ms"
    # Bounded: 400 requests a second, on loopback.
    with Load(URL, ["shop 1"], requests_per_second=200, seconds=60) as load:
        for _kill in range(3):
            load.wait_for(load.result.requests + 400)
            before = main_pid()
            machine(f"kill -9 {before}")
            assert eventually(lambda pid=before: main_pid() not in ("0", pid))
        load.wait_for(load.result.requests + 400)
    assert load.result.failed == 0, load.result


def kill_workers():
    pids = machine(f"pgrep -P $({MAIN_PID})").split()
    assert pids
    machine(f"kill -9 {' '.join(pids)}")


def in_hand() -> int:
    """How many slow requests workers have begun with."""
    return int(machine("journalctl --unit webserver.service --output cat --no-pager | grep -c '^slow begins'"))


def asked(clients=1, method="GET", seconds=30):
    """Clients that ask once, each on a connection of its own, when workers have all of it in hand."""
    before = in_hand()
    ask = ["curl", "--silent", "--noproxy", "*", "--request", method, f"{URL}slow?seconds={seconds}"]
    running = [subprocess.Popen(ask, stdout=subprocess.PIPE, text=True) for _client in range(clients)]
    assert eventually(lambda: in_hand() == before + clients)
    return running


def got(clients):
    """What they get; nothing if the connection is cut."""
    return [each.communicate()[0] for each in clients]


def test_a_killed_worker_loses_only_what_it_had_in_hand():
    """The other workers and the new ones answer all other requests. No request is handled twice."""
    before = in_hand()
    clients = asked(4) + asked(method="POST")
    kill_workers()
    assert got(clients) == [""] * 5
    assert in_hand() == before + 5
    with Load(URL, ["shop 1"], requests_per_second=200, seconds=60) as load:
        load.wait_for(400)
    assert load.result.failed == 0, load.result


def test_no_request_is_lost_by_deploy_rollback_restart_or_hup(tmp_path):
    """At least 20,000 requests on new and on kept-alive connections, all through."""
    expected = ["shop 1", "shop 2"]
    with Load(URL, expected, requests_per_second=300, seconds=280) as load:
        deploy(webserver_app_src=version(tmp_path, "2"))
        assert play("playbooks/rollback.yml").rc == 0
        machine("systemctl restart webserver.service")
        load.wait_for(load.result.requests + 500)
        machine("systemctl kill --kill-who=main --signal=HUP webserver.service")
        load.wait_for(load.result.requests + 500)
        deploy(webserver_app_src=str(tmp_path))
        deploy()
        load.wait_for(20000)
    assert load.result.failed == 0, load.result
    assert set(load.result.bodies) == {"shop 1", "shop 2"}


def test_deploy_removes_what_earlier_runs_wrote_for_their_own_worker():
    machine("touch /opt/webserver/keeping_worker.py; echo '# read it' >> /opt/webserver/gunicorn.conf.py")
    before = main_pid()
    assert deploy().changed
    assert machine("ls /opt/webserver/*.py") == "/opt/webserver/gunicorn.conf.py\n/opt/webserver/health.py"
    assert main_pid() != before
    assert get() == "shop 1\n"
    assert deploy().changed == 0


# From the first one that changes the machine on.
TASKS_OF_A_DEPLOY = re.compile(r"^TASK \[.*(Release|Install|Try|Serve) \|")


def begun(**variables: object) -> subprocess.Popen:
    """A deploy that is on its way, in a process group of its own."""
    return subprocess.Popen(
        command("site.yml", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


def kill_at_task(number: int, **variables: object) -> str | None:
    """Starts a deploy, and kills the control node's processes when its task of that number begins.

    Returns the task's name, or None if the run ended before.
    """
    run = begun(**variables)
    tasks = filter(TASKS_OF_A_DEPLOY.search, run.stdout)
    task = next(itertools.islice(tasks, number, None), None)
    if task:
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    return task


def test_run_that_is_repeated_while_the_gate_still_waits_is_refused_too(tmp_path):
    before = current(), main_pid(), get()
    hangs = edited(tmp_path / "hangs", 'VERSION = "1"', 'VERSION = "1"\ntime.sleep(1000)')
    run = begun(webserver_app_src=hangs)
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
    again = refused(webserver_app_src=hangs, webserver_start_timeout=3)
    assert (
        f"Release {before[0]} is served as before; the new one was not taken: GET /healthz got no answer" in again.text
    )
    assert (current(), main_pid(), get()) == before


def test_run_that_is_killed_at_any_task_leaves_a_release_serving(tmp_path):
    """The runs follow each other, so that each finds what the one before left; the last one finishes the job."""
    source = version(tmp_path, "next")
    killed = []
    while True:
        task = kill_at_task(len(killed), webserver_app_src=source)
        page = eventually(get)
        if task is None:
            break
        killed.append(task)
        assert page in ("shop 1\n", "shop next\n"), f"killed at {task}"
        assert page == "shop 1\n" or any("Serve | Try the release" in name for name in killed), task
    assert len(killed) > 10, killed
    assert page == "shop next\n"
    assert deploy(webserver_app_src=source).changed == 0
    assert os.path.basename(machine("ls -A /opt/webserver/releases | grep partial || true")) == ""


def kill_control_node(run: subprocess.Popen) -> None:
    os.killpg(run.pid, signal.SIGKILL)


def end_connection(_run: subprocess.Popen) -> None:
    machine("pkill -KILL sshd")


def cut_off(cut, seconds: float, **variables: object) -> str:
    """Starts a deploy, cuts it off that long after the machine has begun it, and waits until the machine has ended it.

    Returns what that run printed.
    """
    is_at_work = "systemctl is-active --quiet webserver-deploy.service && echo yes || true"
    run = begun(**variables)
    assert eventually(lambda: machine(is_at_work) == "yes")
    time.sleep(seconds)
    cut(run)
    printed, _nothing = run.communicate()
    assert eventually(lambda: machine(is_at_work) == "")
    return " ".join(printed.split())


@pytest.mark.parametrize(
    ("cut", "seconds"),
    [(kill_control_node, 0.5), (end_connection, 0.5)],
)
def test_deploy_that_is_cut_off_is_ended_by_the_machine(tmp_path, cut, seconds):
    """Without a control node, the machine takes a good release and refuses a bad one, and no request is lost."""
    ended = "was cut off during its deploy. The machine has ended that deploy by itself. Release"
    with Load(URL, ["shop 1", "shop cut"], requests_per_second=100, seconds=120) as load:
        before = state()
        printed = cut_off(cut, seconds, webserver_app_src=edited(tmp_path / "bad", *BROKEN["unwell"][0]))
        assert state() == before
        told = deploy(webserver_app_src=version(tmp_path / "cut", "cut")).text
        refusal = f"was not taken, and release {before[0]} is served as before."
        # The machine may have been faster.
        assert (ended in told and refusal in told) or "GET /healthz answered 503" in printed
        printed = cut_off(cut, seconds)
        assert (current(), get()) == (before[0], "shop 1\n")
        told = deploy().text
        assert (ended in told and f"Release {before[0]} is served." in told) or "Confirm the outcome" in printed
    assert load.result.failed == 0, load.result
