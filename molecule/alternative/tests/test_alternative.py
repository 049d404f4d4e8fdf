"""The site with many other values: IPv6, a privileged port, Flask's own server, another message."""

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


def test_capability_is_enough_for_a_privileged_port(host):
    properties = unit_properties(host, "User", "AmbientCapabilities", "CapabilityBoundingSet")
    assert properties == {
        "User": "page",
        "AmbientCapabilities": "cap_net_bind_service",
        "CapabilityBoundingSet": "cap_net_bind_service",
    }


def test_one_socket_serves_both_families(host):
    assert "*:80" in host.check_output("ss --no-header --listening --tcp --numeric 'sport = 80'")


def test_flask_s_own_server_serves_the_site(host):
    process = host.check_output("ps -o args= -p " + unit_properties(host, "MainPID")["MainPID"])
    assert process == "/srv/page/current/venv/bin/python3 webserver.py"


def test_another_version_of_flask_gets_a_matching_werkzeug(host):
    versions = host.check_output(
        "/srv/page/current/venv/bin/python3 -m pip --disable-pip-version-check list --format=freeze"
    )
    assert "Flask==3.0.3" in versions
    assert "Werkzeug==3." in versions


def test_socket_and_gunicorn_of_the_other_server_are_gone(host):
    assert not host.file("/etc/systemd/system/webserver.socket").exists
    assert host.run("pgrep gunicorn").rc == 1
