"""Maintenance: visitors get the status 503 and a page, and everything else goes on."""

from __future__ import annotations

import urllib.error

import pytest
from deploys import deploy, get, machine, main_pid, play, version

PLAYBOOK = "playbooks/maintenance.yml"


def unavailable(path: str = "") -> tuple[str, str, str]:
    """Return the page, Retry-After and Content-Type of an answer with the status 503."""
    with pytest.raises(urllib.error.HTTPError, match="503") as error:
        get(path)
    headers = error.value.headers
    return error.value.read().decode(), headers["Retry-After"], headers["Content-Type"]


def test_visitors_get_the_page_until_maintenance_ends(tmp_path):
    deploy()
    server = main_pid()
    page = tmp_path / "closed.html"
    page.write_text("<h1>Bäckerei closed</h1>\n")
    try:
        run = play(PLAYBOOK, maintenance="on", webserver_maintenance_page=str(page), webserver_retry_after=90)
        assert run.rc == 0, run.stdout
        wanted = (page.read_text(), "90", "text/html; charset=utf-8")
        assert unavailable() == unavailable("about") == wanted
        assert main_pid() == server, "nothing is restarted"
        assert (
            play(PLAYBOOK, maintenance="on", webserver_maintenance_page=str(page), webserver_retry_after=90).changed
            == 0
        )
        machine("systemctl start webserver-health.service")
        assert machine("systemctl show webserver-health.service --property=Result --value") == "success"
        assert "answers 503 (maintenance)" in play("playbooks/status.yml").text
        new = deploy(webserver_app_src=version(tmp_path / "new", "9"))
        assert "answers 200, well" in new.text
        assert "answers 503 (maintenance), <h1>Bäckerei closed</h1>" in new.text
        assert unavailable() == wanted
        verified = play("playbooks/verify.yml")
        assert verified.rc == 2
        assert "HTTP status 503: Maintenance" in verified.text
    finally:
        off = play(PLAYBOOK, maintenance="off")
    assert off.rc == 0, off.stdout
    assert get() == "shop 9\n"
    missing = play(PLAYBOOK, maintenance="on", webserver_maintenance_page="/nowhere.html").text
    assert "webserver_maintenance_page: /nowhere.html is not a file on the control node." in missing
    assert "Add -e maintenance=on or -e maintenance=off." in play(PLAYBOOK).text
