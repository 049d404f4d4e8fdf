"""Values of variables: as texts, as addresses of repositories, and as options of units."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter.variables import (
    as_list,
    git_url,
    texts,
    unit_option_errors,
)


def test_json_that_a_template_has_parsed_becomes_a_text_again():
    read = {"account": {"type": "service_account", "ok": True}, "list": ["a", None], "word": "swordfish", "n": 7}
    assert texts(read) == {
        "account": '{"type": "service_account", "ok": true}',
        "list": '["a", null]',
        "word": "swordfish",
        "n": 7,
    }


@pytest.mark.parametrize(
    "remote",
    ["https://example.com/a.git", "ssh://git@example.com/a", "git@example.com:me/app.git", "file:///srv/a", "host:a"],
)
def test_address_of_a_repository_elsewhere_stays_as_it_is(remote):
    assert git_url(remote) == remote


@pytest.mark.parametrize("path", ["app", "./app", "../here/app", "{here}/app", "~/app"])
@pytest.mark.parametrize("name", ["here", "my 'site' 100%20", "a:b"])
def test_git_finds_the_repository_in_a_folder(tmp_path, monkeypatch, path, name):
    here = tmp_path / name
    here.mkdir()
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    path = path.format(here=here).replace("../here", f"../{name}")
    subprocess.run(["git", "init", "--quiet", "app"], check=True)
    commit = ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--allow-empty", "-m", "x"]
    subprocess.run(["git", "-C", "app", *commit], check=True)
    url = git_url(path)
    assert len(url.split()) == 1
    monkeypatch.chdir("/")
    assert subprocess.run(["git", "ls-remote", url, "HEAD"], capture_output=True, check=True).stdout


# The output of systemd 252 and 219 for a unit with these options, with the line ends of ssh.
OPTIONS = {"RedWritePaths": "/x", "ProtectSystem": "strickt", "Nice": 5, "MemoryLimit": "5G", "Wants": "a.service"}
KNOWN = "webserver-directives: MemoryLimit Nice ProtectSystem ReadWritePaths\r\n"
SAID_252 = """\
webserver-options: 4: Unknown key 'RedWritePaths' in section [Service], ignoring.\r
webserver-options: 5: Failed to parse protect system value, ignoring: strickt\r
webserver-options: 7: Unit uses MemoryLimit=; please use MemoryMax= instead. Support will be removed soon.\r
webserver-options: 8: Unknown key 'Wants' in section [Service], ignoring.\r
"""
SAID_219 = """\
webserver-options: 4] Unknown lvalue 'RedWritePaths' in section 'Service'\r
webserver-options: 5] Failed to parse protect system value, ignoring: strickt\r
webserver-options: 8] Unknown lvalue 'Wants' in section 'Service'\r
"""


@pytest.mark.parametrize("said", [SAID_252, SAID_219], ids=["252", "219"])
def test_options_that_systemd_would_ignore_are_refused_with_the_right_name(said):
    of = "webserver_unit_options: systemd"
    assert unit_option_errors(OPTIONS, said + KNOWN) == [
        f"{of} on this machine does not know RedWritePaths in [Service]. Write ReadWritePaths.",
        f"{of} would ignore ProtectSystem. It reports: Failed to parse protect system value, ignoring: strickt.",
        f"{of} on this machine does not know Wants in [Service]. Remove it.",
    ]


def test_the_right_case_of_a_directive_is_found_first():
    said = "webserver-options: 4: Unknown key 'NICE' in section [Service], ignoring.\nwebserver-directives: Nice NICF\n"
    assert "Write Nice." in unit_option_errors({"NICE": 5}, said)[0]


@pytest.mark.parametrize("said", ["", "webserver: uid 0\n", KNOWN])
def test_options_that_systemd_accepts_are_accepted(said):
    assert unit_option_errors(OPTIONS, said) == []


@pytest.mark.parametrize(
    ("value", "items"),
    [([], []), (["a", "b"], ["a", "b"]), ("", []), ("a", ["a"]), ("a, b,c", ["a", "b", "c"]), (22, ["22"])],
)
def test_a_list_may_be_written_with_commas(value, items):
    assert as_list(value) == items
