"""Which versions the collection installs."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import pins

CONSTRAINTS = (pathlib.Path(__file__).parents[5] / "files" / "constraints.txt").read_text(encoding="utf-8")
PYTHONS = ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
FEW = r"""# a comment
flask==2.2.5 ; python_full_version < '3.8' \
    --hash=sha256:aa \
    --hash=sha256:ab
flask==3.1.3 ; python_full_version >= '3.8' and python_full_version < '3.12' \
    --hash=sha256:ac
gunicorn==23.0.0 \
    --hash=sha256:b0

jinja2==3.1.6 \
    --hash=sha256:c0
    # via flask
packaging==26.2 ; python_full_version == '3.8.*' \
    --hash=sha256:d0
    # via
    #   gunicorn
    #   zipp
tomli==2.0 \
    --hash=sha256:e0
    # via packaging
"""


def requirements(*arguments, **named):
    return [pin.requirement for pin in pins.chosen(*arguments, **named)]


def test_a_pin_has_its_hashes_and_the_packages_that_need_it():
    found = {pin.requirement: pin for pin in pins.parse(FEW)}
    assert found["flask==2.2.5"].hashes == ["sha256:aa", "sha256:ab"]
    assert found["packaging==26.2"] == (
        "packaging==26.2",
        "python_full_version == '3.8.*'",
        ["sha256:d0"],
        ["gunicorn", "zipp"],
    )


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("3.7", ["flask==2.2.5", "gunicorn==23.0.0", "jinja2==3.1.6", "tomli==2.0"]),
        ("3.8", ["flask==3.1.3", "gunicorn==23.0.0", "jinja2==3.1.6", "packaging==26.2", "tomli==2.0"]),
        ("3.11", ["flask==3.1.3", "gunicorn==23.0.0", "jinja2==3.1.6", "tomli==2.0"]),
        ("3.12", ["gunicorn==23.0.0", "jinja2==3.1.6", "tomli==2.0"]),
    ],
)
def test_markers_choose_the_pins_for_a_python(python, expected):
    assert requirements(FEW, python) == expected


@pytest.mark.parametrize(
    "marker", ["sys_platform == 'win32'", "python_full_version == '3.8'", "python_version < '3.8'"]
)
def test_a_marker_that_cannot_be_evaluated_is_an_error(marker):
    with pytest.raises(ValueError, match="marker"):
        pins.chosen(f"flask==3.1.3 ; {marker}", "3.8")


def test_an_application_with_requirements_gets_the_server_and_what_that_needs():
    assert requirements(FEW, "3.8", "3.0.3", has_requirements=True) == [
        "gunicorn==23.0.0",
        "packaging==26.2",
        "tomli==2.0",
    ]
    assert requirements(FEW, "3.9", has_requirements=True) == ["gunicorn==23.0.0"]


def test_another_flask_brings_a_werkzeug_that_it_can_import_and_neither_has_a_hash():
    found = {pin.name: pin for pin in pins.chosen(CONSTRAINTS, "3.11", "2.2.5")}
    assert (found["flask"].requirement, found["werkzeug"].requirement) == ("flask==2.2.5", "werkzeug==2.*")
    assert [name for name, pin in found.items() if not pin.hashes] == ["flask", "werkzeug"]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_gets_each_package_once_exactly_and_with_hashes(python):
    found = pins.chosen(CONSTRAINTS, python)
    names = [pin.name for pin in found]
    assert len(names) == len(set(names))
    assert {"flask", "werkzeug", "jinja2", "gunicorn"} <= set(names)
    assert [pin for pin in found if "*" in pin.requirement or "==" not in pin.requirement] == []
    assert min(len(pin.hashes) for pin in found) >= 2  # one of a wheel and one of a source archive
    assert {each.partition(":")[0] for pin in found for each in pin.hashes} == {"sha256"}


@pytest.mark.parametrize(
    ("python", "flask", "gunicorn"),
    [("3.7", "2.2.5", "23.0.0"), ("3.8", "3.0.3", "23.0.0"), ("3.9", "3.1.3", "23.0.0")],
)
def test_old_pythons_get_the_last_versions_that_they_can_run(python, flask, gunicorn):
    assert {f"flask=={flask}", f"gunicorn=={gunicorn}"} <= set(requirements(CONSTRAINTS, python))


def test_a_requirements_file_has_the_hashes_if_pip_compares_them():
    found = pins.chosen(FEW, "3.7")[:2]
    assert pins.as_requirements(found, True) == (
        "flask==2.2.5 --hash=sha256:aa --hash=sha256:ab\ngunicorn==23.0.0 --hash=sha256:b0\n"
    )
    assert pins.as_requirements(found, False) == "flask==2.2.5\ngunicorn==23.0.0\n"
