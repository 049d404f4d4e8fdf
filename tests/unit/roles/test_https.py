# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the https role writes for several versions of nginx, and which ports the security_group role opens for it."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.flasklaunch.ec2.tests.unit.commands import run, run_tasks
from ansible_collections.flasklaunch.ec2.tests.unit.roles.role_files import ROLES, variables_of

SITES = [
    {
        "name": name,
        "names": [f"{name}.test", f"www.{name}.test"],
        "server": "127.0.0.1:5000",
        "hops": hops,
        "graceful_timeout": 30,
        "pem": f"/etc/pki/https/{name}-1.pem",
    }
    for name, hops in (("shop", 0), ("blog", 1))
]


@pytest.fixture
def rendered(tmp_path):
    """Renders a template of the role as a run does."""

    def rendered(template, facts, **variables):
        path = tmp_path / "rendered"
        task = {"ansible.builtin.template": {"src": str(ROLES / "https" / "templates" / template), "dest": str(path)}}
        python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        given = {**variables_of("https"), **python, "__https_facts": facts, "__https_sites": SITES, **variables}
        status, said = run_tasks(tmp_path, [task], given)
        assert status == 0, said
        return path.read_text(encoding="utf-8")

    return rendered


OLD = {"nginx": "1.20.1", "openssl": "1.1.1", "systemd": "219"}
NEW = {"nginx": "1.28.0", "openssl": "3.5.0", "systemd": "257", "ipv6": "yes", "program": "/opt/nginx"}


def test_an_old_nginx_gets_what_it_knows(rendered):
    conf = rendered("nginx.conf.j2", OLD)
    assert conf.count("listen 0.0.0.0:443 ssl http2 default_server;") == 1
    assert conf.count("listen 0.0.0.0:443 ssl http2;") == 1
    assert "http2 on" not in conf and "[::]" not in conf and "MLKEM" not in conf


def test_a_new_nginx_gets_what_it_asks_for(rendered):
    conf = rendered("nginx.conf.j2", NEW)
    assert conf.count("http2 on;") == 2
    assert conf.count("listen [::]:443 ssl default_server;") == conf.count("listen [::]:80 default_server;") == 1
    assert "ssl http2" not in conf
    assert "ssl_ecdh_curve X25519MLKEM768:" in conf


def test_each_site_has_its_names_and_its_certificate_and_only_the_first_is_the_default(rendered):
    conf = rendered("nginx.conf.j2", NEW)
    servers = re.split(r"^  server [{]", conf, flags=re.MULTILINE)[1:]
    assert ["server_name shop.test www.shop.test;" in each for each in servers] == [True, True, False, False]
    assert ["ssl_certificate /etc/pki/https/blog-1.pem;" in each for each in servers] == [False, False, True, False]
    assert ["default_server" in each for each in servers] == [True, True, False, False]
    # A proxy in front of the second site may ask by HTTP, so a redirect would never end.
    assert ["return 308" in each for each in servers] == [False, True, False, False]
    assert ["$proxy_add_x_forwarded_for" in each for each in servers] == [False, False, True, True]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"https_port": 8443}, "return 308 https://$name:8443$request_uri;"),
        ({"https_hsts_max_age": "0"}, 'add_header Strict-Transport-Security "max-age=0" always;'),
        ({"https_max_body": "1g"}, "client_max_body_size 1g;"),
        ({"https_timeout": 300}, "proxy_read_timeout 300s;"),
    ],
)
def test_a_variable_is_in_the_configuration(rendered, variables, words):
    assert words in rendered("nginx.conf.j2", NEW, **variables)


def test_without_a_redirect_port_80_serves_the_pages(rendered):
    conf = rendered("nginx.conf.j2", NEW, https_redirect=False)
    assert "return 308" not in conf
    assert conf.count("proxy_pass http://shop;") == 2


def test_nginx_gets_the_sockets_in_the_order_of_systemd(rendered):
    assert "Environment=NGINX=3;4;\n" in rendered("https.service.j2", OLD)
    assert "Environment=NGINX=3;4;5;6;\n" in rendered("https.service.j2", NEW)
    sockets = re.findall("ListenStream=(.*)", rendered("https.socket.j2", NEW))
    assert sockets == ["0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443"]


def test_an_old_systemd_gets_what_it_knows(rendered):
    unit = rendered("https.service.j2", OLD)
    assert "StartLimitIntervalSec" not in unit and "SystemCallFilter" not in unit
    assert "ExecStart=/usr/sbin/nginx " in unit
    assert "ExecStart=/opt/nginx " in rendered("https.service.j2", NEW)


@pytest.mark.parametrize(
    ("variables", "ports"),
    [
        ({}, [5000]),
        ({"https_enabled": True}, [80, 443]),
        ({"https_enabled": "true", "https_port": 8443}, [80, 8443]),
        ({"https_enabled": False, "https_port": 8443}, [5000]),
        ({"https_enabled": True, "webserver_sites": [{"webserver_name": "a", "webserver_port": 1}]}, [80, 443]),
        ({"webserver_sites": [{"webserver_name": "a", "webserver_port": 1}]}, [1]),
        ({"https_enabled": True, "security_group_port": 5000}, [5000]),
    ],
)
def test_t37_the_security_group_opens_the_ports_of_nginx_alone(tmp_path, variables, ports):
    inventory = {"all": {"hosts": {"localhost": {"ansible_connection": "local", "webserver_sites": [], **variables}}}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    of_role = {name: value for name, value in variables_of("security_group").items() if name not in variables}
    told = [{"ansible.builtin.debug": {"msg": "ports: {{ security_group_ports | to_json }}"}}]
    play = {"hosts": "localhost", "gather_facts": False, "vars": of_role, "tasks": told}
    (tmp_path / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    status, said = run("ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.json"))
    assert status == 0, said
    assert f"ports: {ports}" in said
