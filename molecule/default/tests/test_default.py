"""The site on a machine that had no Python, after a second run and a reboot, with all variables at their defaults."""

import time
import urllib.request

import pytest

PORTS = {"flasklaunch-molecule-bare": 15000, "flasklaunch-molecule-debian": 15002}
testinfra_hosts = [f"docker://{name}" for name in PORTS]


def get(host):
    url = f"http://127.0.0.1:{PORTS[host.backend.name]}/"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
        return answer.read().decode()


def unit_properties(host, *names):
    shown = host.check_output("systemctl show webserver.service --property=" + ",".join(names))
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_python_and_pip_are_packages_of_the_system(host):
    if host.exists("yum"):
        assert host.run("rpm -q python3 python3-pip").rc == 0
        assert host.check_output("rpm -qf --queryformat '%{NAME}' /usr/bin/pip3") == "python3-pip"
    else:
        assert host.run("dpkg --status python3 python3-pip python3-venv").rc == 0
        assert host.check_output("dpkg --search /usr/bin/pip3") == "python3-pip: /usr/bin/pip3"
        assert not host.package("build-essential").is_installed


def test_page_from_outside(host):
    assert get(host) == "Hello World\n"


def test_page_is_served_after_a_reboot(host):
    """The side effect restarted the machine, so only systemd can have started the unit."""
    assert host.service("webserver.socket").is_enabled
    properties = unit_properties(host, "ActiveState", "SubState", "UnitFileState", "NRestarts")
    assert properties == {
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "NRestarts": "0",
    }


def test_unit_holds_the_port(host):
    assert host.socket("tcp://0.0.0.0:5000").is_listening
    main_pid = unit_properties(host, "MainPID")["MainPID"]
    holders = host.check_output("ss --no-header --listening --tcp --numeric --processes 'sport = 5000'")
    assert f"pid={main_pid}," in holders


def test_unit_is_unprivileged(host):
    properties = unit_properties(host, "User", "NoNewPrivileges", "ProtectSystem", "CapabilityBoundingSet")
    assert properties == {
        "User": "webserver",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "CapabilityBoundingSet": "",
    }
    users = host.check_output("ps -o user= -C gunicorn").split()
    assert users
    assert set(users) == {"webserver"}


def test_journal_has_the_unit_s_output(host):
    assert "Listening at: http://0.0.0.0:5000" in host.check_output("journalctl --unit webserver.service --output cat")


def test_user_can_neither_log_in_nor_write_the_application(host):
    user = host.user("webserver")
    assert user.shell == "/sbin/nologin"
    application = host.file("/opt/webserver/current/app/webserver.py")
    assert (application.user, application.group, application.mode) == ("root", "root", 0o644)
    folder = host.file(host.file("/opt/webserver/current").linked_to)
    assert (folder.user, folder.group, folder.mode) == ("root", "webserver", 0o750)


def test_the_command_of_the_tutorial_runs_the_page(host):
    """The command is python3 webserver.py. It ends when it binds the port, because the unit holds it."""
    tried = host.run("cd /opt/webserver/current && timeout 10 venv/bin/python3 app/webserver.py")
    assert "Serving Flask app 'webserver'" in tried.stdout + tried.stderr
    assert "Address already in use" in tried.stdout + tried.stderr


def test_flask_is_only_in_the_virtual_environment(host):
    assert host.run("/opt/webserver/current/venv/bin/python3 -c 'import flask, gunicorn'").rc == 0
    assert host.run("python3 -c 'import flask'").rc == 1


def test_only_root_can_read_pip_settings(host):
    assert host.file("/opt/webserver/current/venv/pip.conf").mode == 0o600


@pytest.mark.parametrize("folder", ["/", "/etc", "/etc/systemd/system", "/opt", "/usr", "/usr/bin", "/var", "/home"])
def test_system_folders_keep_their_permissions(host, folder):
    found = host.file(folder)
    assert (found.user, found.group, found.mode) == ("root", "root", 0o755)


def test_unit_is_restarted_after_a_crash(host):
    """This test is the last one, because the unit has restarted after it."""
    before = unit_properties(host, "MainPID")["MainPID"]
    host.check_output(f"kill -9 {before}")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        properties = unit_properties(host, "MainPID", "SubState")
        if properties["SubState"] == "running" and properties["MainPID"] not in ("0", before):
            break
        time.sleep(0.2)
    assert properties["MainPID"] != before
    assert get(host) == "Hello World\n"
