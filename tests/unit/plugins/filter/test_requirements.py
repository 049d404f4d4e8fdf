"""Which versions the flask role installs."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter.requirements import pinned, unmet
from packaging.requirements import Requirement

CONSTRAINTS = (pathlib.Path(__file__).parents[4] / "files" / "constraints.txt").read_text(encoding="utf-8")
PYTHONS = ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]


def versions(requirements):
    return {Requirement(text).name: str(Requirement(text).specifier) for text in requirements}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_gets_each_distribution_once_and_exactly(python):
    requirements = pinned(CONSTRAINTS, python)
    assert len(versions(requirements)) == len(requirements)
    assert {"flask", "werkzeug", "jinja2", "gunicorn"} <= set(versions(requirements))
    assert all(specifier.startswith("==") and "*" not in specifier for specifier in versions(requirements).values())


@pytest.mark.parametrize(
    "python, flask, gunicorn",
    [("3.7", "==2.2.5", "==23.0.0"), ("3.8", "==3.0.3", "==23.0.0"), ("3.9", "==3.1.3", "==23.0.0")],
)
def test_old_pythons_get_the_last_versions_that_they_can_run(python, flask, gunicorn):
    found = versions(pinned(CONSTRAINTS, python))
    assert (found["flask"], found["gunicorn"]) == (flask, gunicorn)


def test_another_flask_brings_a_werkzeug_that_it_can_import():
    found = versions(pinned(CONSTRAINTS, "3.11", "2.2.5"))
    assert (found["flask"], found["werkzeug"]) == ("==2.2.5", "==2.*")


def test_comments_and_blank_lines_are_no_requirements():
    assert pinned("# why\n\nflask==3.1.3\n", "3.11") == ["flask==3.1.3"]


@pytest.mark.parametrize(
    "requirements, installed, lacking",
    [
        (["flask==3.1.3"], {"Flask": "3.1.3"}, []),
        (["flask==3.1.3"], {"flask": "3.1.2"}, ["flask==3.1.3"]),
        (["flask==3.1.3"], {}, ["flask==3.1.3"]),
        (["typing-extensions==4.7.1"], {"typing_extensions": "4.7.1"}, []),
        (["werkzeug==3.*"], {"werkzeug": "3.1.9"}, []),
        (["werkzeug==3.*"], {"werkzeug": "2.3.8"}, ["werkzeug==3.*"]),
    ],
)
def test_unmet(requirements, installed, lacking):
    assert unmet(requirements, installed) == lacking
