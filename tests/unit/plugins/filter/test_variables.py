"""Values of variables: as texts, as lists, and as addresses of repositories."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter.variables import (
    as_list,
    git_url,
    texts,
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


@pytest.mark.parametrize(
    ("value", "items"),
    [([], []), (["a", "b"], ["a", "b"]), ("", []), ("a", ["a"]), ("a, b,c", ["a", "b", "c"]), (22, ["22"])],
)
def test_a_list_may_be_written_with_commas(value, items):
    assert as_list(value) == items
