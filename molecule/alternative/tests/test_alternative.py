"""The site with much set otherwise: IPv6 too, a privileged port, Flask's own server, another message."""

import urllib.request

testinfra_hosts = ["docker://flasklaunch-molecule-python"]


def unit_properties(host, *names):
    shown = host.check_output("systemctl show webserver.service --property=" + ",".join(names))
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_page_from_outside(host):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        "http://127.0.0.1:15080/", timeout=5
    ) as page:
        assert page.read().decode() == 'Grüße, "quoted" \\ and {{ braced }} & <b>bold</b> ☁\n'


def test_privileged_port_is_had_by_capability_alone(host):
    properties = unit_properties(host, "User", "AmbientCapabilities", "CapabilityBoundingSet")
    assert properties == {
        "User": "page",
        "AmbientCapabilities": "cap_net_bind_service",
        "CapabilityBoundingSet": "cap_net_bind_service",
    }


def test_one_socket_serves_both_families(host):
    assert "*:80" in host.check_output("ss --no-header --listening --tcp --numeric 'sport = 80'")


def test_flask_s_own_server_runs_it(host):
    process = host.check_output("ps -o args= -p " + unit_properties(host, "MainPID")["MainPID"])
    assert process == "/srv/page/current/venv/bin/python3 webserver.py"


def test_other_version_of_flask_with_a_werkzeug_that_fits(host):
    versions = host.check_output(
        "/srv/page/current/venv/bin/python3 -m pip --disable-pip-version-check list --format=freeze"
    )
    assert "Flask==3.0.3" in versions
    assert "Werkzeug==3." in versions


def test_nothing_of_the_other_server_is_there(host):
    assert not host.file("/etc/systemd/system/webserver.socket").exists
    assert host.run("pgrep gunicorn").rc == 1
