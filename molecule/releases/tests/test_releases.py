"""An application of a user: what a deploy copies, what stays, what a rollback restores, and who may read the files."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import time
import urllib.error

import pytest
from deploys import (
    URL,
    current,
    deploy,
    edited,
    eventually,
    get,
    is_refused,
    machine,
    main_pid,
    play,
    releases,
    version,
)

SECRET = "correct horse battery staple"
MOVED_URL = "http://127.0.0.1:15061/"


@pytest.fixture(autouse=True, scope="module")
def first_version():
    """Serve the scenario's own application, because the tests of other files may have left another one."""
    deploy()


def test_application_runs_with_its_requirements_environment_and_secret():
    assert get() == "shop 1\n"
    assert get("about") == '<p>Corner "shop" &amp; 50% off, $HOME <code>x</code> \\o/</p>'
    assert get("key") == hashlib.sha256(SECRET.encode()).hexdigest() + "\n"
    assert "Markdown" in machine("ls /opt/webserver/current/venv/lib/python3*/site-packages") or "markdown" in machine(
        "ls /opt/webserver/current/venv/lib/python3*/site-packages"
    )


def test_gunicorn_has_the_option_of_the_inventory():
    with pytest.raises(urllib.error.HTTPError, match="414"):
        get("x" * 1000)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("x" * 900)


def test_secret_is_only_in_its_file():
    assert machine(f"grep -rl '{SECRET}' /etc /opt/webserver /var/log 2>/dev/null") == (
        "/etc/webserver/credentials/SHOP_KEY"
    )
    assert machine("stat -c '%a %U' /etc/webserver/credentials/SHOP_KEY") == "600 root"
    assert SECRET not in machine("systemctl show webserver.service; systemctl cat webserver.service; ps axeww -o args")
    journal = machine("journalctl --no-pager")
    assert SECRET not in journal
    assert "Corner" not in journal, "nor are the values of webserver_env, where somebody may have put one"


def test_deploy_and_its_check_mode_show_what_changes_and_no_secret(tmp_path):
    """With other secrets and another application, and with -vvv. Check mode does not deploy."""
    application = version(tmp_path, f"of {time.time()}")  # a new version, so that there is a difference
    secrets = {"SHOP_KEY": "hunter2-of-the-shop", "OTHER": "hunter2-of-another"}
    before = current(), main_pid(), releases()
    for arguments in (["--check", "--diff", "-vvv"], ["--diff", "-vvv"]):
        assert (current(), main_pid(), releases()) == before
        run = deploy(*arguments, webserver_secrets=secrets, webserver_app_src=application)
        # The command line above belongs to the test.
        said = [line for line in run.stdout.splitlines() if "hunter2-of" in line and "--extra-vars" not in line]
        assert said == []
        assert '-VERSION = "1"' in run.stdout
        assert '+VERSION = "of ' in run.stdout
    assert current() != before[0]
    assert get("key") == hashlib.sha256(b"hunter2-of-the-shop").hexdigest() + "\n"
    without = deploy("--diff")
    assert machine("ls /etc/webserver/credentials") == "SHOP_KEY", "the other secret goes with its release"
    assert "hunter2-of" not in without.stdout


def test_neighbours_cannot_read_the_application():
    assert machine("su neighbour -s /bin/sh -c 'cat /opt/webserver/current/app/shop/web.py' 2>&1").endswith(
        "Permission denied"
    )
    assert machine("su neighbour -s /bin/sh -c 'cat /opt/webserver/current/environment' 2>&1").endswith(
        "Permission denied"
    )
    assert machine("su neighbour -s /bin/sh -c 'ls /etc/webserver/credentials' 2>&1").endswith("Permission denied")


def test_application_cannot_write_itself():
    user = machine("systemctl show webserver.service --property=User --value")
    assert user == "webserver"
    assert machine(f"su {user} -s /bin/sh -c 'echo x >> /opt/webserver/current/app/shop/web.py' 2>&1").endswith(
        "Permission denied"
    )


def test_same_content_again_changes_nothing(tmp_path):
    """In another folder, and with another spelling of the folder. Equal requirements share one environment."""
    environment = machine("readlink /opt/webserver/current/venv")
    times = "cd /opt/webserver/current/app && stat -c %Y requirements.txt shop/web.py"
    unchanged, changed = map(int, machine(times).split())
    source = version(tmp_path / "a", "2")
    (tmp_path / "a" / ".env").write_text("SHOP_KEY=of the developer")
    first = deploy(webserver_app_src=source)
    assert first.changed
    assert "Not deployed: .env." in first.text
    assert machine("ls -A /opt/webserver/current/app") == "requirements.txt\nshop"
    after = list(map(int, machine(times).split()))
    assert after[0] == unchanged
    assert after[1] > changed > 0
    assert get() == "shop 2\n"
    assert machine("readlink /opt/webserver/current/venv") == environment
    assert len(machine("ls /opt/webserver/environments").split()) == 1
    before = current(), main_pid(), releases()
    from_home = os.path.relpath(version(tmp_path / "b", "2"), pathlib.Path.home())
    again = deploy(webserver_app_src=f"~/{from_home}")
    assert again.changed == 0
    assert (current(), main_pid(), releases()) == before


def test_older_releases_and_their_environments_are_removed(tmp_path):
    other = edited(tmp_path / "other", "markdown==3.9", "markdown==3.8", file="requirements.txt")
    deploy(webserver_app_src=other)
    assert len(releases()) == 3  # webserver_keep_releases
    assert len(machine("ls /opt/webserver/environments").split()) == 2
    for number in "34":
        deploy(webserver_app_src=version(tmp_path / number, number), webserver_keep_releases=2)
    assert len(releases()) == 2
    assert len(machine("ls /opt/webserver/environments").split()) == 1
    assert machine("ls -A /opt/webserver/releases | grep -c partial") == "0"


def test_rollback_goes_back_once_and_by_name(tmp_path):
    good, page, before = current(), get(), set(releases())
    both = play(
        "site.yml playbooks/rollback.yml",
        webserver_app_src=version(tmp_path, "bad"),
        webserver_env={"SHOP_NAME": "other"},
    )
    assert both.rc == 0, both.stdout
    assert (current(), get()) == (good, page), "also after a deploy in the same run"
    (bad,) = set(releases()) - before
    named = play("playbooks/rollback.yml", webserver_release=bad)
    assert named.rc == 0, named.stdout
    assert (current(), get(), get("about")) == (bad, "shop bad\n", "<p>other</p>")
    shown = play("playbooks/rollback.yml", "--check", "--diff")
    assert f"-{bad}\n+{good}\n" in shown.stdout
    assert current() == bad
    back = play("playbooks/rollback.yml")
    assert back.rc == 0, back.stdout
    assert (current(), get()) == (good, page)
    assert get("about").startswith("<p>Corner"), "the environment goes back too"
    again = play("playbooks/rollback.yml")
    assert (again.rc, again.changed) == (0, 0), again.stdout
    assert current() == good


def test_rollback_to_an_unknown_release_names_the_releases():
    before = current()
    run = play("playbooks/rollback.yml", webserver_release="0123456789ab")
    assert run.rc == 2
    assert "webserver_release: there is no release 0123456789ab on this machine." in run.text
    for name in releases():
        assert f"{name} (deployed 20" in run.text
    assert current() == before


def test_git_repository_with_a_version(tmp_path):
    version(tmp_path, "tagged")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"], ["tag", "v7"]):
        subprocess.run(git + arguments, check=True)
    version(tmp_path, "untagged")
    deploy(webserver_app_src=f"file://{tmp_path}", webserver_app_version="v7")
    assert get() == "shop tagged\n"
    assert machine("ls -A /opt/webserver/current/app") == "requirements.txt\nshop"


def test_rollback_to_a_release_with_another_health_path(tmp_path):
    deploy(webserver_app_src=edited(tmp_path, '"/healthz"', '"/alive"'), webserver_health_path="/alive")
    former = current()
    deploy()
    served = (current(), main_pid())
    refused = play("playbooks/rollback.yml")
    assert refused.rc == 2
    assert f"Release {served[0]} is served as before; {former} was not taken: GET /healthz answered 404" in refused.text
    assert "-e webserver_health_path=/" in refused.text
    assert "[INFO]" not in refused.text
    assert (current(), main_pid()) == served
    assert former in releases()
    back = play("playbooks/rollback.yml", webserver_health_path="/alive")
    assert back.rc == 0, back.stdout
    assert current() == former


def test_the_site_moves_to_another_port_and_a_rollback_stays_there(tmp_path):
    """A new port makes no new release. The headers of a client count only behind a proxy."""
    deploy()
    first, page, known = current(), get(), set(releases())
    forged = ["curl", "--silent", "--noproxy", "*", "-H", "X-Forwarded-For: 198.51.100.7"]

    def ask(url):
        return subprocess.run([*forged, url + "client"], stdout=subprocess.PIPE, text=True, check=True).stdout

    moved = {"webserver_port": 8080, "webserver_proxy_hops": 1, "webserver_url": ""}
    deploy(**moved)
    assert (current(), set(releases())) == (first, known)
    assert get(url=MOVED_URL) == page
    assert ask(MOVED_URL) == "198.51.100.7 http\n"
    listening = machine("ss --no-header --listening --tcp --numeric")
    assert ":8080 " in listening
    assert ":5000 " not in listening
    deploy(**moved, webserver_app_src=version(tmp_path, "moved"))
    assert get(url=MOVED_URL) == "shop moved\n"
    back = play("playbooks/rollback.yml", webserver_host="127.0.0.1", webserver_port=8081)
    assert back.rc == 0, back.stdout
    assert "The site stays on 0.0.0.0:8080: a rollback does not move it." in back.text
    assert (current(), get(url=MOVED_URL)) == (first, page)
    assert is_refused(URL)
    deploy()
    assert get() == page
    assert "198.51.100.7" not in ask(URL)
    assert ":8080 " not in machine("ss --no-header --listening --tcp --numeric")


def test_verification_reports_a_unit_on_another_port():
    verified = play("playbooks/verify.yml", webserver_port=8080)
    assert verified.rc == 2
    assert "webserver.service listens on port 5000, not on 8080. Correct webserver_port" in verified.text
    assert "Look | Wait" not in verified.stdout, "what cannot come is not waited for"


def test_removed_packages_and_files_are_restored():
    """Deploy again what the test before has deployed last."""
    machine("cd /opt/webserver/current/venv/bin && ./python3 -m pip uninstall --yes markdown; rm gunicorn")
    assert deploy().changed == 2, "the packages, and the restart of what runs with the older ones"
    assert get("about").startswith("<p>Corner")


def test_other_interval_of_the_health_check_restarts_only_its_timer():
    before = main_pid()
    assert deploy(webserver_health_interval=45).changed
    assert "45s" in machine("systemctl show webserver-health.timer --property=TimersMonotonic")
    assert main_pid() == before
    deploy()


REPORT = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.import_role:
        name: flasklaunch.ec2.webserver
        tasks_from: report
"""


def test_report_needs_no_deploy_before_it(tmp_path):
    (tmp_path / "report.yml").write_text(REPORT, encoding="utf-8")
    run = play(str(tmp_path / "report.yml"))
    assert run.rc == 0, run.stdout
    assert "webserver.service is active (running)" in run.text
    assert "from the machine itself: GET http://127.0.0.1:5000/healthz answers 200" in run.text


def test_status_reports_release_unit_socket_and_health():
    run = play("playbooks/status.yml")
    assert (run.rc, run.changed) == (0, 0), run.stdout
    assert f"release: {current()}" in run.text
    assert "last errors: none" in run.text, "errors of other releases are not listed"
    assert f"{current()} (deployed 20" in run.text
    assert "unit: webserver.service is active (running) since 20" in run.text
    assert f"process {main_pid()}" in run.text
    assert "listening: tcp 0 0 0.0.0.0:5000 0.0.0.0:* LISTEN" in run.text
    assert "health: GET http://127.0.0.1:5000/healthz answers 200" in run.text


def test_logs_since_a_time_end_with_the_last_line():
    units = "--unit webserver.service --unit 'webserver-next@*'"  # the second one serves during a deploy
    last = machine(f"journalctl {units} --output short-iso --no-pager --lines 1")
    run = play("playbooks/logs.yml", webserver_log_lines=1, webserver_log_since="1 hour ago")
    assert (run.rc, run.changed) == (0, 0), run.stdout
    assert " ".join(last.split()) in run.text


def test_unit_is_valid_and_has_a_low_exposure():
    assert machine("systemd-analyze verify webserver.service webserver.socket webserver-health.timer 2>&1") == ""
    score = machine("systemd-analyze security --no-pager webserver.service | tail -n 1").split(":", 1)[1].split()[0]
    assert float(score) <= 1.5


def test_hung_server_is_restarted():
    """Stopped processes hold their connections and do not answer, as in a deadlock."""
    before = main_pid()
    machine(f"kill -STOP {before} $(pgrep -P {before})")
    assert eventually(lambda: main_pid() not in ("0", before))
    assert eventually(lambda: get() == "shop 1\n")
    assert "got no answer 3 times" in machine("journalctl --unit webserver-health.service --output cat")
