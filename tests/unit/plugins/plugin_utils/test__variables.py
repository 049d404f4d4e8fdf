# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the variables of the roles may have, and the messages for other values."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _variables

FOLDER = pathlib.Path(__file__).parents[4] / "roles"
DEFAULTS = {
    role: yaml.safe_load((FOLDER / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    for role in _variables.ROLES
}
NOT_TEXT = [1.5, True, ["a"], {"a": 1}]
NOT_NUMBER = ["", "many", 1.5, True, [1], {"a": 1}]
NOT_BOOLEAN = ["", "maybe", "y", 2, None, [True]]
NOT_DICTIONARY = ["", "A=b", 1, ["a"]]
PORT = [8080, "8080", 1, 65535], [0, 65536, -1, "http", "80 ", *NOT_NUMBER]
BOOLEAN = [True, False, "yes", "no", "true", "False", "on", "0", 1], NOT_BOOLEAN
FOLDER_ON_MACHINE = (
    ["/opt/my-site", "/srv/page/", "/home/me/site"],
    ["", "opt/site", "./site", "~/site", "/", "/opt", "/usr/", "/tmp/site", "/var/tmp/site", "/run/x", "/dev/shm/x"]
    + ["/etc/webserver"]
    + ["/opt/my site", "/opt/../tmp", "/opt/100%", "/opt/a\nb", "--help", *NOT_TEXT],
)
PATH = ["", "/opt/site/file-1.2"], ["opt/file", "~/file", "/opt/my file", "--help", "/opt/../x", "/opt/a\nb", *NOT_TEXT]
URL = (
    ["", "http://203.0.113.10:5000/", "https://user:pass@www.example.com/a?b=c", "http://[2001:db8::1]:8080/"],
    ["203.0.113.10", "www.example.com/", "ftp://example.com/", "http://", "http://:80/", "http://a:99999/"]
    + ["http://a b/", "http://a/\n", "--help", 80, *NOT_TEXT],
)
INSTANCE = ["", "i-0123456789abcdef0", "i-00000000"], ["0123456789abcdef0", "i-", "i-xyz", "sg-00000000", 1, *NOT_TEXT]
AWS = (
    [{}, {"region": "us-east-1", "profile": None}, {"secret_key": "x", "validate_certs": False}],
    [{"regoin": "us-east-1"}, {"region": ["us-east-1"]}, *NOT_DICTIONARY],
)
FILE_HERE = ["", "report.html", "/tmp/my reports/x.json", "~/x.json"], ["/tmp/", "a\nb", 1, *NOT_TEXT]
PORTS = (
    [[], [22], ["tcp/22", "udp/53"], "22,udp/53", "22", 22, ""],
    ["ssh", [0], [65536], ["sctp/1"], [None], {"a": 1}, True],
)
ANY_TEXT = ["", "Grüße, 50 %", "42", 42], ["a\nb", "\x1b[31m", *NOT_TEXT]

# For each variable: allowed values; and wrong ones: too low, too high, of another type, and empty if it must not be
# empty. Another test checks that null is refused for all.
CASES = {
    "python3_packages": (
        [["python3", "python3-pip"], "python3,python3-pip", ["https://example.com/a.rpm", "@development"]],
        [[], "", [""], [None], ["-y"], ["python3 pip"], ["a;b"], ["python*"], [["a"]], {"a": 1}, True],
    ),
    "python3_yum_options": (
        [[], ["--releasever=2023.9.20251105"], "--nogpgcheck,-v", ""],
        [[""], [None], ["remove"], ["-"], ["--a\nb"], {"a": 1}, True],
    ),
    "flask_venv": FOLDER_ON_MACHINE,
    "flask_python": (["/usr/bin/python3.12"], ["", "python3", "~/bin/python3", "/usr/bin/my python", "-c", *NOT_TEXT]),
    "flask_version": (
        ["", "3.1", "3.1.3", "2.0", "10.0.1"],
        ["1.1", "3", "latest", "3.1.3.4", ">=3", "3.1 ", 3, *NOT_TEXT],
    ),
    "flask_requirements": PATH,
    "flask_requirements_text": (["", "flask==3.1.3\n"], [None, True, ["flask"], {"flask": "3.1.3"}]),
    "flask_pip_index_url": (
        ["", "https://user:pass@pypi.example/simple", "http://10.0.0.1:8080/simple", "file:///srv/simple"],
        ["index.example/simple", "--extra", "https://", "https://a:99999/", "https://a/\nx", 1, *NOT_TEXT],
    ),
    "flask_pip_proxy": (
        ["", "http://proxy.example:3128", "user:pass@127.0.0.1:9", "socks5h://p:1080", "proxy.example"],
        ["ftp://proxy.example", "http://", "a b", "p:99999", "p\nx", 1, *NOT_TEXT],
    ),
    "flask_pip_ca_bundle": PATH,
    "flask_pip_wheel_dir": PATH,
    "https_enabled": BOOLEAN,
    "https_names": (
        [
            [],
            "",
            ["shop.example", "WWW.shop.example"],
            "shop.example,localhost",
            ["203.0.113.7"],
            ["xn--grsse-kva.example"],
        ],
        [
            *(
                ["https://shop.example"],
                ["shop.example/a"],
                ["shop.example:443"],
                ["shop_1.example"],
                ["*.shop.example"],
            ),
            *(["größe.example"], ["a b"], [""], ["-a.example"], ["a..b"], ["a." * 130 + "b"], [None], {"a": 1}, True),
        ],
    ),
    "https_certificate_src": FILE_HERE,
    "https_certificate_key": (
        ["", "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n"],
        ["a\0b", ["a"], 1.5, True],
    ),
    "https_port": PORT,
    "https_redirect": BOOLEAN,
    "https_hsts_max_age": (["", 0, "300", 63072000], [-1, 63072001, "a year", 1.5, ["a"], True]),
    "https_hsts_subdomains": BOOLEAN,
    "https_max_body": (["100m", "1g", "4096", "1K"], ["", "0", "100 MB", "100mb", "-1", 1.5, *NOT_TEXT]),
    "https_timeout": ([1, "60"], [-1, 0, 86401, *NOT_NUMBER]),
    "webserver_sites": (
        [
            [],
            [{"webserver_name": "shop"}],
            [{"webserver_name": "{{ x }}", "webserver_port": 1}, {"webserver_name": "b"}],
        ],
        [
            None,
            "",
            "shop",
            1,
            {},
            {"webserver_name": "shop"},
            ["shop"],
            [None],
            [{}],
            [{"webserver_name": ""}],
            [{"webserver_name": None}],
            [{"webserver_name": "shop", "webserver_sites": []}],
            [{"webserver_name": "shop", "port": 1}],
        ],
    ),
    "webserver_name": (
        ["webserver", "shop", "my-shop_2", "s" * 24],
        [
            "",
            "Shop",
            "2shop",
            "-shop",
            "a b",
            "a.b",
            "a@b",
            "a/b",
            "a\n",
            "s" * 25,
            "shop-health",
            "shop-gate",
            *NOT_TEXT,
        ],
    ),
    "webserver_host": (
        ["0.0.0.0", "::", "127.0.0.1", "172.31.5.7", "2001:db8::1"],
        ["", "localhost", "0", "1.2.3", "1.2.3.256", "[::]", "fe80::1%eth0", "0.0.0.0/0", 0, *NOT_TEXT],
    ),
    "webserver_port": PORT,
    "webserver_message": (["", "Grüße, 50 %", "two\nlines", "a\tb", 42], ["\x1b[2J", "\0", *NOT_TEXT]),
    "webserver_app": (
        ["webserver:app", "my_app:create_app()", "shop.web:make('x', debug=False)"],
        ["", "shop", "shop:", ":app", "shop.py:app", "my-app:app", "shop:a.b", "shop:f(g())", "shop:app; x", "a:b\n"]
        + ["--help", *NOT_TEXT],
    ),
    "webserver_app_src": (
        ["", "my-app", "/home/me/my app", "git@github.com:me/app.git", "https://ci:token@example.com/app.git"],
        ["--upload-pack=touch /tmp/x", "-x", "a\nb", 1, *NOT_TEXT],
    ),
    "webserver_app_version": (
        ["", "main", "v1.10", "1.10", "4f1c52a0b7d9", "feature/x", "HEAD~1"],
        ["--help", "a b", "a:b", "v*", "a'b", "a\nb", 2.0, 1, *NOT_TEXT],
    ),
    "webserver_app_exclude": (
        [[], [".git", "*.py[co]"], "*.log,.git", "*.log", ""],
        [[""], [None], ["instance/*.db"], [1.5], {"a": 1}, True],
    ),
    "webserver_requirements": (
        ["", "requirements/prod.txt", "pyproject.toml"],
        ["/srv/requirements.txt", "../requirements.txt", "my file.txt", 1, *NOT_TEXT],
    ),
    "webserver_shared": (
        [[], ["instance", "static/uploads/"], "instance,shop.db", ".data"],
        ["/srv/data", ["../shop"], ["a/../b"], ["."], ["a//b"], ["my data"], [""], [None], {"a": 1}, True],
    ),
    "webserver_env": (
        [{}, {"A": "", "_b1": "x\ny", "N": 7}],
        [{"SHOP-X": "a"}, {"my.var": "a"}, {"1ST": "a"}, {"": "a"}, {"A": None}, {"A": ["a"]}, {"A": {"b": 1}}]
        + [{"A": 1.1}, {"A": True}, {"A": "\0"}, {"FLASK_APP": "x:y"}, {"FLASK_DEBUG": "1"}, {"NOTIFY_SOCKET": "a"}]
        + NOT_DICTIONARY,
    ),
    "webserver_secrets": (
        [{}, {"KEY": "x\ny", "pin": 1234, "my-key.pem": "x", "E": "", "JSON": {"a": 1}}],
        [{"a/b": "x"}, {"col:on": "x"}, {".": "x"}, {"..": "x"}, {"-x": "x"}, {"a b": "x"}, {"": "x"}, {"k" * 256: "x"}]
        + [{"A": None}, {"A": 1.1}, {"A": True}, *NOT_DICTIONARY],
    ),
    "webserver_secrets_as_env": ([[]], [["a-b"], ["FLASK_APP"], [""], None, {"a": "b"}]),
    "webserver_health_host": (
        ["localhost", "shop.example.org", "shop.example.org:8443", "10.0.0.5", "[::1]", "[::1]:5000"],
        ["", "a b", "http://shop.example.org", "shop/", "%h", "$HOME", "a:b", "a\n", 1, *NOT_TEXT],
    ),
    "webserver_health_path": (
        ["/", "/healthz", "/a/b?c=d&e=1"],
        ["", "healthz", "http://127.0.0.1/healthz", "/a b", "/%20", "/$HOME", '/"', "/#a", "/ä", "/a\n", 1, *NOT_TEXT],
    ),
    "webserver_health_interval": ([0, 30, "30", 86400], [-5, 86401, *NOT_NUMBER]),
    "webserver_keep_releases": ([1, "5"], [-1, 0, 1001, *NOT_NUMBER]),
    "webserver_server": (["gunicorn", "flask"], ["", "apache", 1, ["flask"], True]),
    "webserver_workers": ([0, 2, "2"], [-1, 1001, *NOT_NUMBER]),
    "webserver_worker_class": (
        ["gthread", "gevent", "my.workers.Own"],
        ["", "a b", "gthreads", "g-thread", "--x", 'a"', 1, *NOT_TEXT],
    ),
    "webserver_preload": BOOLEAN,
    "webserver_threads": ([1, "8"], [-1, 0, 1001, *NOT_NUMBER]),
    "webserver_keep_alive": ([1, "75"], [-1, 0, 86401, *NOT_NUMBER]),
    "webserver_graceful_timeout": ([1, "30"], [-1, 0, 3601, *NOT_NUMBER]),
    "webserver_access_log": BOOLEAN,
    "webserver_proxy_hops": ([0, "1"], [-1, 101, *NOT_NUMBER]),
    "webserver_proxy_host": BOOLEAN,
    "webserver_proxy_prefix": BOOLEAN,
    "webserver_proxy_port": BOOLEAN,
    "webserver_debug": BOOLEAN,
    "webserver_remove_data": BOOLEAN,
    "webserver_memory_max": (
        ["90%", "100%", "1%", "32M", "512M", "2G", 536870912, "536870912", "infinity"],
        ["", "lots", "0", 0, -1, "-1M", "0%", "101%", "31M", "1", "1.5G", "512MB", 0.5, True, ["1G"]],
    ),
    "webserver_tasks_max": ([10, "512"], [-1, 0, 9, 4194305, *NOT_NUMBER]),
    "webserver_unit_options": (
        [
            {},
            {"ReadWritePaths": "/srv/data", "Nice": 5, "PrivateTmp": False, "RestartSec": 0.5, "SystemCallFilter": ""},
        ],
        [{"read write": "x"}, {"[Service]": "x"}, {"": "x"}, {"Nice": None}, {"Nice": [5]}, {"Nice": "5\nUser=root"}]
        + [{"Nice": "5 \\"}, {"User": "root"}, {"ExecStart": "/bin/true"}, *NOT_DICTIONARY],
    ),
    "webserver_gunicorn_options": (
        [{}, {"timeout": 120, "loglevel": "debug", "sendfile": False, "logconfig_dict": {"version": 1}}],
        [{"time_out": 1}, {"bind": "[::]:80"}, {"post_fork": "print"}, {"timeout": None}, *NOT_DICTIONARY],
    ),
    "webserver_maintenance": (["", "on", "off", True, "False"], ["of", 2, None, ["on"]]),
    "webserver_maintenance_page": (["", "closed.html", "~/closed.txt"], ["folder/", *NOT_TEXT]),
    "webserver_retry_after": ([1, "600"], [0, -1, 604801, *NOT_NUMBER]),
    "webserver_dir": FOLDER_ON_MACHINE,
    "webserver_user": (
        ["webserver", "_www", "my-app.1", "Page"],
        ["", "root", "0", "1000", "-x", "a b", "a:b", "a/b", "a\n", "u" * 32, 1000, *NOT_TEXT],
    ),
    "webserver_start_timeout": ([1, "30"], [-1, 0, 3601, *NOT_NUMBER]),
    "webserver_release": (["", "4f1c52a0b7d9", "123456789012"], ["../x", ".x", "-x", "a b", 123456789012, *NOT_TEXT]),
    "webserver_log_lines": ([1, "500"], [-1, 0, 1000001, *NOT_NUMBER]),
    "webserver_before_switch": (["", "flask db upgrade", "a\nb", 1], ["\x1b[0m", *NOT_TEXT]),
    "webserver_after_switch": (["", "flask cache clear", "a\nb", 1], ["\x1b[0m", *NOT_TEXT]),
    "webserver_processes": (
        [
            {},
            {"worker": "rq worker"},
            {"worker": {"command": "celery -A shop worker", "count": 2}, "beat": {"count": "0"}},
        ],
        [
            *({name: "x"} for name in ("web", "gate", "timer", "", "a b", "-a", "a@1", "ä")),
            *({"a": value} for value in ("", "a\nb", None, 1, ["x"], {"command": ""}, {"count": -1}, {"cmd": "x"})),
            "worker",
            None,
        ],
    ),
    "webserver_timers": (
        [
            {},
            {"cleanup": {"command": "flask cleanup", "calendar": "daily"}},
            {"a": {"command": "x", "calendar": "Mon..Fri *-*-* 09:00:00 Europe/Berlin"}},
        ],
        [
            {"next": {"command": "x", "calendar": "daily"}},
            *({"a": value} for value in ("x", {"command": "x"}, {"calendar": "daily"}, None)),
            *({"a": {"command": "x", "calendar": value}} for value in ("", "a\nb", "$(x)", 750, None, "100%")),
            [],
        ],
    ),
    "webserver_command": (["", "flask db current", "a\nb", 1], ["\x1b[0m", *NOT_TEXT]),
    "webserver_command_timeout": ([1, "600"], [0, 86401, *NOT_NUMBER]),
    "webserver_log_since": (["", "1 hour ago", "2026-11-23 05:47", "-1h"], ["a\nb", 1, *NOT_TEXT]),
    "webserver_url": URL,
    "security_group_manage": BOOLEAN,
    "security_group_state": (["present", "absent"], ["", "open", 1, ["present"], True]),
    "security_group_port": PORT,
    "security_group_ports": (
        [[5000], ["5000", 8080], 5000, "5000", "443,8443"],
        [[], "", [0], [65536], "443,many", [True], [None], [5000.5], {"a": 1}, True],
    ),
    "security_group_former_ports": (
        [[], "", [5000], "5000,8080", 5000],
        [[0], ["many"], [None], {"a": 1}, True],
    ),
    "security_group_keep_old": BOOLEAN,
    "security_group_cidrs": (
        [["0.0.0.0/0"], ["203.0.113.7/32", "::/0"], "10.0.0.0/8,::/0", "10.0.0.0/8"],
        [[], "", [""], [None], ["203.0.113.7"], ["203.0.113.7/24"], ["a/b"], ["10.0.0.0/33"], {"a": 1}, True],
    ),
    "security_group_description": (["Flask Server", "x" * 255], ["", "x" * 256, "Grüße", "a\nb", 1, *NOT_TEXT]),
    "security_group_shared": (["keep", "close"], ["", "open", 1, True]),
    "security_group_close_ssh": BOOLEAN,
    "security_group_id": (
        ["", "sg-00000000", "sg-0123456789abcdef0"],
        ["web", "sg-", "sg-*", "i-00000000", 1, *NOT_TEXT],
    ),
    "security_group_instance_id": INSTANCE,
    "security_group_private_address": (
        ["", "172.31.5.7"],
        ["172.31.5", "172.31.5.256", "::1", "10.0.0.0/8", 1, *NOT_TEXT],
    ),
    "security_group_metadata_url": (
        ["", "http://169.254.169.254", "http://127.0.0.1:1338/x"],
        ["169.254.169.254", "https://a/", "file:///x", "http://", "http://a b", "--help", 1, *NOT_TEXT],
    ),
    "security_group_aws": AWS,
    "diagnosis_url": URL,
    "diagnosis_port": PORT,
    "diagnosis_unit": (
        ["webserver.service", "my-site@1.service", "nginx.socket"],
        ["", "nginx", "--help.service", "a b.service", "a/b.service", "a\n.service", 1, *NOT_TEXT],
    ),
    "diagnosis_expected": ANY_TEXT,
    "diagnosis_family": (["ipv4", "ipv6"], ["", "ip", 4, ["ipv4"], True]),
    "diagnosis_source": (
        ["", "203.0.113.0/24", "2001:db8::/32"],
        ["203.0.113.7", "10.0.0.1/8", "office", 1, *NOT_TEXT],
    ),
    "diagnosis_timeout": ([1, "5"], [-1, 0, 601, *NOT_NUMBER]),
    "diagnosis_ask_aws": BOOLEAN,
    "diagnosis_aws": AWS,
    "diagnosis_instance_id": INSTANCE,
    "diagnosis_load_balancer_arn": (
        ["", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/x/50dc6c495c0c9188"],
        ["my-balancer", "arn:aws:ec2:us-east-1:123456789012:instance/i-1", "--help", 1, *NOT_TEXT],
    ),
    "diagnosis_json": FILE_HERE,
    "diagnosis_html": FILE_HERE,
    "diagnosis_fail": BOOLEAN,
    "exposure_expected": PORTS,
    "exposure_asked_for": PORTS,
    "exposure_ask_aws": BOOLEAN,
    "exposure_aws": AWS,
    "exposure_instance_id": INSTANCE,
    "exposure_json": FILE_HERE,
    "exposure_html": FILE_HERE,
}


def role_of(name):
    return next(role for role, rules in _variables.ROLES.items() if name in rules)


# One test for each variable, not for each value: ansible-test forks a process for each test.
@pytest.mark.parametrize("name", CASES)
def test_right_values_are_accepted(name):
    right, _wrong = CASES[name]
    assert [refused for value in right for refused in _variables.errors(role_of(name), {name: value})] == []


@pytest.mark.parametrize("name", CASES)
def test_wrong_values_are_refused_by_name_with_a_right_one(name):
    _right, wrong = CASES[name]
    refused = {repr(value): _variables.errors(role_of(name), {name: value}) for value in wrong}
    assert [value for value, sentences in refused.items() if not sentences] == []
    for sentence in [sentence for sentences in refused.values() for sentence in sentences]:
        assert sentence.startswith(f"{name}: ")
        assert f" Example: {name}: " in sentence
        assert sentence.isprintable()


@pytest.mark.parametrize("name", CASES)
def test_null_is_refused(name):
    (refused,) = _variables.errors(role_of(name), {name: None})
    assert refused.startswith(f"{name}: it has no value. It must be ")


@pytest.mark.parametrize("role", _variables.ROLES)
def test_every_variable_of_a_role_has_a_rule_and_cases(role):
    entry_points = yaml.safe_load((FOLDER / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
        "argument_specs"
    ]
    specified = {name for entry_point in entry_points.values() for name in entry_point.get("options", {})}
    assert _variables.ROLES[role].keys() == specified, "add a line to plugins/plugin_utils/_variables.py"
    assert {name for name in CASES if name.startswith(f"{role}_")} == specified, "add a line to CASES above"


def test_every_role_has_rules():
    assert _variables.ROLES.keys() == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("role", _variables.ROLES)
def test_defaults_and_examples_are_right(role):
    templates = {name for name, value in DEFAULTS[role].items() if "{{" in str(value)}
    assert _variables.errors(role, {name: DEFAULTS[role][name] for name in DEFAULTS[role].keys() - templates}) == []
    for name, rule in _variables.ROLES[role].items():
        assert _variables.errors(role, {name: rule.example}) == []


# The defaults that are computed from other variables.
COMPUTED = {
    "webserver_host": "0.0.0.0",
    "webserver_url": "",
    "webserver_dir": "/opt/webserver",
    "webserver_user": "webserver",
}


def together(**changed):
    return _variables.errors("webserver", {**DEFAULTS["webserver"], **COMPUTED, **changed})


@pytest.mark.parametrize(
    ("right", "wrong", "variable"),
    [
        ({"webserver_host": "127.0.0.1"}, {"webserver_host": "0.0.0.0"}, {"webserver_debug": "yes"}),
        ({"webserver_host": "::1"}, {"webserver_host": "::"}, {"webserver_debug": True}),
        ({"webserver_server": "gunicorn"}, {"webserver_server": "flask"}, {"webserver_proxy_hops": "1"}),
        (
            {"webserver_server": "gunicorn"},
            {"webserver_server": "flask"},
            {"webserver_gunicorn_options": {"timeout": 9}},
        ),
        ({"webserver_proxy_hops": 1}, {"webserver_proxy_hops": 0}, {"webserver_proxy_prefix": True}),
        ({"webserver_app_src": "app"}, {"webserver_app_src": ""}, {"webserver_app_version": "v1"}),
        ({"webserver_app_src": "app"}, {"webserver_app_src": ""}, {"webserver_app": "shop:app"}),
        ({"webserver_app_src": "app"}, {"webserver_app_src": ""}, {"webserver_shared": "instance"}),
        ({"webserver_app_src": "app"}, {"webserver_app_src": ""}, {"webserver_requirements": "prod.txt"}),
        ({"webserver_workers": "1"}, {"webserver_workers": "2"}, {"webserver_tasks_max": 10}),
    ],
)
def test_conflicting_values_are_refused(right, wrong, variable):
    assert together(**right, **variable) == []
    (refused,) = together(**wrong, **variable)
    assert refused.startswith(f"{next(iter(variable))}: ")


def test_secrets_as_env_are_secrets_and_no_other_variables():
    secrets = {"webserver_secrets": {"KEY": "x", "PIN": 1}, "webserver_secrets_as_env": "KEY,PIN"}
    assert together(**secrets) == []
    assert together(**{**secrets, "webserver_secrets": {"KEY": "x"}}) == [
        "webserver_secrets_as_env: PIN is not in webserver_secrets. Add it there, or remove it here."
    ]
    assert together(**secrets, webserver_env={"KEY": "y"}) == [
        "webserver_secrets_as_env: KEY is also in webserver_env. Remove it there or here."
    ]
    (refused,) = together(**secrets, webserver_server="flask")
    assert refused.startswith("webserver_secrets_as_env: it works with webserver_server: gunicorn only.")


def test_a_process_of_the_built_in_page_needs_a_command():
    assert together(webserver_processes={"worker": "python3 -m http.client"}) == []
    (refused,) = together(webserver_processes={"worker": {"count": 2}})
    assert refused.startswith("webserver_processes: worker has no command")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"https_enabled": False, "https_names": [], "webserver_port": 443, "webserver_server": "flask"}, ""),
        ({"https_certificate_src": ""}, "https_certificate_src: https_certificate_key is set, but this is not."),
        ({"https_certificate_key": ""}, "https_certificate_key: https_certificate_src is set, but this is not."),
        ({"https_certificate_src": "", "https_certificate_key": ""}, "https_certificate_src: https_enabled needs a"),
        ({"https_names": []}, "https_names: the list is empty."),
        ({"https_names": ["shop.test", "SHOP.test"]}, "https_names: shop.test is named twice."),
        ({"webserver_server": "flask"}, "https_enabled: it works with webserver_server: gunicorn only."),
        ({"webserver_port": "443"}, "webserver_port: 443 is the port of nginx"),
        ({"webserver_port": 80}, "webserver_port: 80 is the port of nginx"),
        ({"https_port": 8443, "webserver_port": 443}, ""),
        ({"https_port": 80}, "https_port: port 80 is for HTTP."),
        ({"webserver_host": "0.0.0.0"}, "webserver_host: with 0.0.0.0, clients could go past HTTPS"),
        ({"webserver_host": "::1"}, ""),
        ({"webserver_host": "shop", "webserver_port": "http"}, ""),  # the rules of the role webserver refuse these
        ({"https_hsts_max_age": 300}, ""),
        ({"https_hsts_max_age": 300, "https_names": ["203.0.113.7"]}, "https_hsts_max_age: browsers do not accept it"),
        ({"https_hsts_subdomains": True}, "https_hsts_subdomains: it needs https_hsts_max_age."),
    ],
)
def test_t39_https_is_refused_with_what_it_lacks(changed, words):
    values = {
        **DEFAULTS["https"],
        "webserver_server": "gunicorn",
        "webserver_port": 5000,
        "webserver_host": "127.0.0.1",
        "https_enabled": True,
        "https_names": ["shop.test"],
        "https_certificate_src": "shop.pem",
        "https_certificate_key": "KEY",
        **changed,
    }
    found = _variables.errors("https", values)
    assert [each[: len(words)] for each in found] == ([words] if words else [])


@pytest.mark.parametrize("port", [22, "22"])
def test_the_port_of_ssh_is_closed_only_if_that_is_asked_for(port):
    def errors(**changed):
        ports = {"security_group_port": port, "security_group_ports": [changed.get("security_group_port", port)]}
        ports["security_group_former_ports"] = []
        return _variables.errors("security_group", {**DEFAULTS["security_group"], **ports, **changed})

    (refused,) = errors(security_group_state="absent")
    assert refused.startswith("security_group_port: 22 is the port of ssh.")
    assert "-e security_group_close_ssh=true" in refused
    assert errors(security_group_state="absent", security_group_close_ssh="true") == []
    assert errors(security_group_state="present") == []
    assert errors(security_group_state="absent", security_group_port=2222) == []
    (refused,) = errors(security_group_state="absent", security_group_port=2222, security_group_ports=f"2222,{port}")
    assert refused.startswith("security_group_ports: 22 is the port of ssh.")
    former = {"security_group_former_ports": [5000, port]}
    (refused,) = errors(**former)
    assert refused.startswith("security_group_former_ports: 22 is the port of ssh.")
    assert errors(**former, security_group_keep_old=True) == []


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        ("instance,static/uploads,static-files", ""),
        (["static/uploads", "static"], "webserver_shared: static/uploads is in static. Name it once."),
        (["static", "static-files", "static/uploads/a"], "webserver_shared: static/uploads/a is in static."),
        (["instance", "instance/"], "webserver_shared: instance is named twice."),
    ],
)
def test_shared_files_are_apart(shared, words):
    found = together(webserver_app_src="app", webserver_shared=shared)
    assert [each.startswith(words) for each in found] == ([True] if words else [])


def test_the_address_of_a_repository_is_one_word():
    """The git module would pass the second word as an option of git."""
    for source in ("app", "/srv/my app", "my 'app'", "https://example.com/my%20app.git", "git@example.com:me/app.git"):
        assert together(webserver_app_src=source, webserver_app_version="v1") == []
    for source in ("https://example.com/my app.git", "example.com:app --upload-pack=x", "https://example.com/'x'"):
        (refused,) = together(webserver_app_src=source, webserver_app_version="v1")
        assert refused.startswith("webserver_app_src: ")


def test_the_variable_that_the_user_has_set_is_named():
    assert _variables.errors("security_group", {"security_group_port": 0, "webserver_port": 0}) == [
        "webserver_port: 0 is not a TCP port from 1 to 65535. Example: webserver_port: 8080"
    ]
    wrong = {"security_group_port": 0, "security_group_ports": [0], "webserver_port": 5000}
    (refused,) = _variables.errors("security_group", wrong)
    assert refused.startswith("security_group_port: ")


@pytest.mark.parametrize("port", [0, 70000, None, "many"])
def test_a_wrong_port_is_reported_once(port):
    url = f"http://203.0.113.10:{port}/"
    (refused,) = _variables.errors("webserver", {"webserver_port": port, "webserver_url": url})
    assert refused.startswith("webserver_port: ")
    # diagnosis_url is checked before diagnosis_port, and both have the values of the webserver role.
    given = {"webserver_port": port, "webserver_url": url, "diagnosis_url": url, "diagnosis_port": port}
    (refused,) = _variables.errors("diagnosis", given)
    assert refused.startswith("webserver_port: ")


@pytest.mark.parametrize(
    ("role", "values"),
    [
        ("webserver", {"webserver_secrets": {"a/b": "hunter2", "C": ["hunter2"], "D": "\0hunter2"}}),
        ("webserver", {"webserver_secrets": "KEY=hunter2"}),
        ("webserver", {"webserver_url": "ftp://me:hunter2@example.com/"}),
        ("webserver", {"webserver_app_src": "-https://me:hunter2@example.com/"}),
        ("webserver", {"webserver_env": "KEY=hunter2"}),
        ("flask", {"flask_pip_index_url": "me:hunter2@example.com/simple"}),
        ("flask", {"flask_pip_proxy": "me:hunter2@example.com:99999"}),
        ("security_group", {"security_group_aws": {"secret_key": ["hunter2"], "session": "hunter2"}}),
    ],
)
def test_passwords_are_not_shown(role, values):
    refused = " ".join(_variables.errors(role, values))
    assert refused
    assert "hunter2" not in refused


def test_a_wrong_value_is_shown_without_control_characters():
    (refused,) = _variables.errors("webserver", {"webserver_url": "ftp://\x1b[31m\u202ea\u200b\tb\nc"})
    assert refused.startswith("webserver_url: ftp://?[31m?a??b?c is not a URL")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("security_group_cidr", "security_group_cidrs"),
        ("security_group_mange", "security_group_manage"),
        ("webserver_prot", "webserver_port"),
        ("webserver_massage", "webserver_message"),
        ("webserver_app_source", "webserver_app_src"),
        ("webserver_secret", "webserver_secrets"),
        ("flask_verison", "flask_version"),
        ("diagnosis_expect", "diagnosis_expected"),
    ],
)
def test_misspelt_name_is_refused_with_the_right_name(name, meant):
    assert _variables.misspelt(role_of(meant), [name, "another_variable"]) == [
        f"{name}: there is no such variable. Write {meant}, or give a variable of your own another name."
    ]


@pytest.mark.parametrize("name", ["webserver_team", "webserver_cluster_name", "webserver_ssh_key", "webserver_domain"])
def test_own_variables_of_users_are_left_alone(name):
    assert _variables.misspelt("webserver", [name]) == []


@pytest.mark.parametrize("role", _variables.ROLES)
def test_no_variable_of_a_role_looks_like_a_misspelling(role):
    assert _variables.misspelt(role, _variables.ROLES[role]) == []
    assert _variables.ROLES[role]


def test_connection_options_are_those_of_amazon_aws():
    modules = pytest.importorskip("ansible_collections.amazon.aws.plugins.module_utils.modules")
    options = modules.aws_argument_spec()
    aliases = {alias for option in options.values() for alias in option.get("aliases", [])}
    assert options.keys() <= _variables.AWS_OPTIONS <= options.keys() | aliases


@pytest.mark.parametrize(
    ("role", "name", "value", "reason"),
    [
        ("webserver", "webserver_dir", "my app", "my app is not an absolute path that has only"),
        ("webserver", "webserver_dir", "/opt/", "/opt/ is a folder of the system"),
        ("flask", "flask_venv", "/var/tmp/x", "/var/tmp/x is in /var/tmp, which is not a place for an application"),
        ("webserver", "webserver_user", "root", "the application must not run as root"),
        ("webserver", "webserver_app_version", 1.1, "YAML reads 1.1 without quotes as a number and drops zeros"),
        ("webserver", "webserver_app_version", True, "YAML reads true without quotes as a truth value. Put"),
    ],
)
def test_the_message_has_the_one_rule_that_a_value_breaks(role, name, value, reason):
    (message,) = _variables.errors(role, {name: value})
    assert message.startswith(f"{name}: {reason}")
