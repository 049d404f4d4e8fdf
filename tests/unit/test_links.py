# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later

"""Broken links of Markdown files are found, and others are not."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.flasklaunch.ec2.tests import links

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def page(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text(
        "# Why can't I?\n\n## What `a_b` does\n\n```sh\n# a comment\n```\n", encoding="utf-8"
    )

    def written(text):
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize(
    "text",
    [
        "[x](docs/other.md) and [y](docs/other.md#why-cant-i)",
        "[x](docs/other.md#what-a_b-does), [folder](docs)",
        "# Here\n\n[x](#here)",
        "[x](https://example.com/#missing) [y](mailto:me@example.com)",
        "`[x](missing.md)`\n\n```text\n[x](missing.md)\n```\n",
    ],
)
def test_good_links_are_accepted(page, text):
    assert links.main([page(text)]) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[x](docs/missing.md)", "docs/missing.md: there is no such file"),
        ("[x](docs/other.md#missing)", "docs/other.md#missing: there is no such heading"),
        ("[x](docs/other.md#a-comment)", "docs/other.md#a-comment: there is no such heading"),
        ("# Here\n\n[x](#there)", "#there: there is no such heading"),
        ("`code` [x](missing.md) `code`", "missing.md: there is no such file"),
    ],
)
def test_broken_links_are_found(page, text, fault):
    path = page(text)
    assert links.main([path]) == [f"{path}: {fault}"]


def test_the_readme_is_short_and_links_to_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    pages |= {f"roles/{path.name}/README.md" for path in (ROOT / "roles").iterdir() if path.is_dir()}
    assert pages - {link.partition("#")[0] for link in links.links(readme)} == set()


def test_the_readme_names_every_module_and_playbook():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [path.stem for kind in ("plugins/modules/*.py", "playbooks/*.yml") for path in ROOT.glob(kind)]
    assert [name for name in names if f"`{name}`" not in readme] == []
