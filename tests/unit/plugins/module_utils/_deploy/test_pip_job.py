"""The program that makes environments, as a user without privileges. molecule tests the mounts and that user."""

from __future__ import annotations

import json

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import pip_job


def test_what_debian_s_python_lacks_is_named():
    text = "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian ..."
    reason = pip_job.why_not_made("/usr/bin/python3", "/opt/flask", text)
    assert reason.endswith(" has no ensurepip. Debian and Ubuntu have it in the package python3-venv.")


@pytest.mark.parametrize(("text", "said"), [("a\nno room", "no room"), ("", "nothing")])
def test_other_failures_are_reported_with_the_last_line_of_venv(text, said):
    reason = pip_job.why_not_made("/usr/bin/python3", "/opt/flask", text)
    assert reason == f"/usr/bin/python3 -m venv could not make /opt/flask. It said: {said}"


def test_a_python_that_does_not_run_ends_with_its_own_status(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        pip_job.make(str(tmp_path / "python3"), str(tmp_path / "environment"))
    assert end.value.code == pip_job.NOT_MADE
    assert "without rights: No such file or directory" in capsys.readouterr().err


def test_editable_projects_are_found_but_not_those_in_the_environment(tmp_path):
    site_packages = tmp_path / "env" / "site-packages"

    def installed(name, url, editable):
        folder = site_packages / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        origin = {"url": url, "dir_info": {"editable": editable}}
        (folder / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")

    installed("shop", "file:///srv/my%20shop", True)
    installed("copied", "file:///srv/copied", False)
    installed("cloned", f"file://{tmp_path}/env/src/cloned", True)
    (site_packages / "plain-1.0.dist-info").mkdir()
    (site_packages / "old.egg-link").write_text("/srv/old\n.\n", encoding="utf-8")
    found = pip_job.editable_projects(str(tmp_path / "env"), str(site_packages))
    assert sorted(found) == ["/srv/my shop", "/srv/old"]


def test_pip_conf_can_be_read_by_its_owner_alone(tmp_path):
    pip_job.configure(str(tmp_path / "pip.conf"), "[global]\n")
    assert (tmp_path / "pip.conf").read_text(encoding="utf-8") == "[global]\n"
    assert (tmp_path / "pip.conf").stat().st_mode & 0o777 == 0o600
