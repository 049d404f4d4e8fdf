"""Workers and timers beside the server: they come, change, fail and go with the releases."""

from __future__ import annotations

import pathlib
import re

import pytest
from deploys import URL, Load, current, deploy, edited, eventually, get, machine, play, refused

# A worker that finishes its job when it is asked to stop, and a command for a timer.
COMMANDS = """
    @app.cli.command("work")
    def work():
        import signal

        stops = []
        signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
        secret = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], "SHOP_KEY").read_text()
        print(f"worker {VERSION} begins with {len(secret)} and {len(os.environ['SHOP_NAME'])} letters")
        while not stops:
            time.sleep(0.1)
        print(f"worker {VERSION} finishes its job")

    @app.cli.command("cleanup")
    def cleanup():
        sys.exit("no such table: visits")

    return app
"""
BOTH = ["webserver-worker@1.service", "webserver-worker@2.service"]
TIMER = "webserver-timer@cleanup.timer"
SITE = {
    "webserver_processes": {"worker": {"count": 2}},  # the Procfile has its command
    "webserver_timers": {"cleanup": {"command": "flask cleanup", "calendar": "daily"}},
}


def shop(folder: pathlib.Path, number: str, commands: str = COMMANDS) -> str:
    """Make a version of the shop with a worker. Returns the folder."""
    source = edited(folder, "\n    return app\n", commands)
    module = folder / "shop" / "web.py"
    module.write_text(module.read_text().replace('VERSION = "1"', f'VERSION = "{number}"'))
    (folder / "Procfile").write_text("worker: flask work\n")
    return source


def units() -> list[str]:
    shown = machine("systemctl list-units --plain --no-legend 'webserver-worker@*' 'webserver-timer@*'")
    return [line.split()[0] for line in shown.splitlines() if " active " in line]


def said(unit: str) -> list[str]:
    return machine(f"journalctl --unit {unit} --output cat --no-pager | grep ^worker").splitlines()


@pytest.fixture(scope="module", autouse=True)
def without_processes():
    yield
    deploy()
    assert machine("ls /etc/systemd/system | grep @ | grep -v -e -gate -e -next -e -before") == ""
    assert units() == []


def test_processes_and_timers_belong_to_the_release(tmp_path):
    """They have its variables and secrets. The next release asks them to stop, and no request is lost."""
    deploy(webserver_app_src=shop(tmp_path / "2", "2"), **SITE)
    assert units() == [*BOTH, TIMER]
    for unit in BOTH:
        assert eventually(lambda unit=unit: said(unit)[-1:] == ["worker 2 begins with 28 and 38 letters"])
    assert deploy(webserver_app_src=str(tmp_path / "2"), **SITE).changed == 0
    with Load(URL, ["shop 2", "shop 3"]) as load:
        load.wait_for(50)
        run = deploy(webserver_app_src=shop(tmp_path / "3", "3"), **SITE)
    assert load.result.failed == 0, load.result
    assert "webserver-worker@2.service is active (running), process" in run.text
    last = ["worker 2 finishes its job", "worker 3 begins with 28 and 38 letters"]
    for unit in BOTH:
        assert eventually(lambda unit=unit: said(unit)[-2:] == last)


def test_a_worker_that_fails_brings_everything_back(tmp_path):
    """The timer that the failed deploy removed runs again too."""
    before = current(), get(), units()
    broken = shop(tmp_path, "4", COMMANDS.replace("stops = []", "raise SystemExit('no broker at this address')"))
    run = refused(webserver_app_src=broken, webserver_processes=SITE["webserver_processes"])
    assert re.search(r"@[12]\.service ended soon after its start\. It printed: no broker at this address\.", run.text)
    assert f"The change was undone: release {before[0]} is served as before." in run.text
    assert (current(), get(), units()) == before
    for unit in BOTH:
        assert eventually(lambda unit=unit: said(unit)[-1].startswith("worker 3 begins"))


def test_what_they_do_is_in_status_and_logs():
    machine("systemctl start webserver-timer@cleanup.service; systemctl stop webserver-worker@2.service")
    run = play("playbooks/status.yml playbooks/logs.yml playbooks/verify.yml")
    assert run.rc == 2, run.stdout
    assert "process: webserver-worker@1.service is active (running) since 20" in run.text
    assert f"timer: {TIMER}: its command failed at 20" in run.text
    assert "(exit-code). 'journalctl -u webserver-timer@cleanup.service' says why" in run.text
    assert "webserver-timer@cleanup[" in run.text
    assert "no such table: visits" in run.text
    assert "The page is served, but webserver-worker@2.service is inactive (dead). logs.yml prints why." in run.text


def test_a_calendar_that_systemd_cannot_read_is_refused():
    before = current(), units()
    run = refused(webserver_timers={"nightly": {"command": "true", "calendar": "every night"}})
    assert "webserver_timers: nightly: systemd on this machine cannot read its calendar." in run.text
    assert (current(), units()) == before
