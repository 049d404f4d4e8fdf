"""Commands of the application: before a release is served, and in the served release."""

from __future__ import annotations

import hashlib
import json
import pathlib
import time

import pytest
from deploys import ROOT, current, deploy, get, machine, play, refused, version

SECRET = "correct horse battery staple"
NAME = r'Corner "shop" & 50% off, $HOME `x` \o/'


@pytest.fixture
def two(tmp_path):
    """Returns the arguments of a run on two machines, which are two names of the same one."""
    names = {name: {"ansible_ssh_common_args": f'-F "{ROOT}/.demo/ssh_config"'} for name in ("a", "b")}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"webservers": {"hosts": names}}))
    return ["--inventory", str(inventory), "--limit", "a:b", "--forks", "1"]  # one after the other, in each task


def test_one_machine_prepares_the_release_for_all(two, tmp_path):
    """With the release's variables and new secrets, before it is served."""
    command = 'echo prepares $FLASK_APP in $PWD; printf %s "$NEW" | sha256sum; echo x >> $STATE_DIRECTORY/ran'
    machine("rm -f /var/lib/webserver/ran")
    number = f"of {time.time()}"  # a new release, also if the test is repeated
    source = version(tmp_path / "new", number)
    module = pathlib.Path(source, "shop/web.py")
    module.write_text(module.read_text().replace('os.environ["SHOP_NAME"]', 'os.environ["NEW"]'))
    site = {
        "webserver_app_src": source,
        "webserver_secrets": {"SHOP_KEY": "x", "NEW": "a new secret"},
        "webserver_secrets_as_env": ["NEW"],
    }
    after = "echo serves $(basename $(readlink -f ..))"
    run = deploy(*two, webserver_before_switch=command, webserver_after_switch=after, **site)
    assert run.text.count(f"- serves {current()}") == 1
    assert run.text.count("prepares shop.web:create_app() in /opt/webserver/releases/") == 1
    assert hashlib.sha256(b"a new secret").hexdigest() in run.text
    assert machine("cat /var/lib/webserver/ran") == "x"
    assert get() == f"shop {number}\n"
    assert get("about") == "<p>a new secret</p>"
    assert "a new secret" not in machine("ps axeww -o args; systemctl show webserver.service; journalctl --no-pager")
    assert deploy(*two, webserver_before_switch=command, webserver_after_switch=after, **site).changed == 0
    assert machine("cat /var/lib/webserver/ran") == "x", "it belongs to a new release"


def test_if_the_command_fails_no_machine_switches(two, tmp_path):
    before = current(), machine("ls /opt/webserver/releases"), get()
    source = version(tmp_path / "3", "3")
    release = "echo Starting the migration; echo no such table: notes >&2; exit 3"
    web = "gunicorn -w 4 'shop.web:create_app()'"
    pathlib.Path(source, "Procfile").write_text(f"web: {web}\nrelease: {release}\nworker: rq worker\n")
    run = refused(*two, webserver_app_src=source)
    assert f"The Procfile's release command runs before the switch: {release}" in run.text
    assert "To have these, set webserver_workers: 4." in run.text
    assert "The Procfile's process worker is started once: rq worker." in run.text
    failed = "the new one was not taken: webserver_before_switch failed: Starting the migration no such table: notes"
    assert failed in run.fatal("a")
    assert "a had to switch first, and failed. Its own message says why." in run.fatal("b")
    assert (current(), machine("ls /opt/webserver/releases"), get()) == before


def test_command_runs_in_the_served_release():
    deploy()
    command = 'id -un; flask routes; pwd; sha256sum < $CREDENTIALS_DIRECTORY/SHOP_KEY; printf %s "$SHOP_NAME" | wc -c'
    run = play("playbooks/exec.yml", webserver_command=command)
    assert run.rc == 0, run.stdout
    assert "- webserver" in run.stdout
    assert "health GET /healthz" in run.text
    assert f"/opt/webserver/releases/{current()}/app" in run.text
    assert hashlib.sha256(SECRET.encode()).hexdigest() in run.text
    # The journal gets what a command prints, and another test looks for this value there.
    assert f"- '{len(NAME)}'" in run.stdout
    failed = play("playbooks/exec.yml", webserver_command="echo no such table >&2; exit 3")
    assert failed.rc == 2
    assert "- no such table" in failed.stdout
    assert "exit 3 ended with 3. See above for what it printed." in failed.text
    assert machine("systemctl list-units --all --plain --no-legend 'webserver-command*'; ls /run/systemd/system") == ""


def test_root_runs_a_command_there_also_with_a_terminal():
    """`script` gives it a terminal, as an ssh session does. The status is that of the command."""
    folder = f"/opt/webserver/releases/{current()}/app"
    ask = "id -un; pwd; sha256sum < $CREDENTIALS_DIRECTORY/SHOP_KEY; exit 3"
    said = machine(f"webserver sh -c '{ask}' < /dev/null; echo $?").split("\n")
    assert said == ["webserver", folder, f"{hashlib.sha256(SECRET.encode()).hexdigest()}  -", "3"]
    ask = "test -t 0 && test -t 1 && stty size && echo a terminal"
    typed = machine(f"""script --quiet --return --command "webserver sh -c '{ask}'" /dev/null""")
    assert typed.endswith("a terminal"), typed
    refused = machine("setpriv --reuid nobody --clear-groups webserver id 2>&1 || true")
    assert refused.endswith("sudo webserver id")
