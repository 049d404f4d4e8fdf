# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import pwd
import stat
import tempfile

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, shared

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def app():
    """An unpacked application with uploads, which anybody may read. Other users cannot enter pytest's own folders."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        yield unpacked(pathlib.Path(folder, "app"))


def unpacked(folder):
    (folder / "static" / "uploads").mkdir(parents=True)
    (folder / "static" / "uploads" / "logo.png").write_text("logo")
    (folder / "shop.py").write_text("app = None\n")
    return folder


def put(app, paths, user=ME):
    kept = app.parent / "state"
    shared.put_links(str(app), shared.Shared(paths, str(kept), user))
    return kept


def test_what_the_release_brings_fills_the_place(app):
    kept = put(app, ["static/uploads"])
    assert os.readlink(app / "static" / "uploads") == str(kept / "static" / "uploads")
    assert (kept / "static" / "uploads" / "logo.png").read_text() == "logo"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (kept, kept / "static" / "uploads")] == [0o700, 0o700]


def test_what_is_kept_already_stays(app):
    (app.parent / "state" / "static" / "uploads").mkdir(parents=True)
    kept = put(app, ["static/uploads"])
    assert list((kept / "static" / "uploads").iterdir()) == []
    assert list((app / "static" / "uploads").iterdir()) == []


@pytest.mark.parametrize(("path", "is_made"), [("instance", True), ("var/instance.d/", True), ("var/shop.db", False)])
def test_what_no_release_brings(app, path, is_made):
    """The application makes a file through the link. A folder must be there."""
    kept = put(app, [path])
    name = path.rstrip("/")
    assert os.readlink(app / name) == str(kept / name)
    assert (kept / name).is_dir() == (kept / name).exists() == is_made
    if not is_made:
        (app / name).write_text("data")
        assert (kept / name).read_text() == "data"


def test_a_link_that_the_user_has_put_there_stays(app, tmp_path):
    """Also if it leads nowhere: nothing is written through it."""
    (app.parent / "state").mkdir()
    (app.parent / "state" / "instance").symlink_to(tmp_path / "elsewhere")
    put(app, ["instance"])
    assert not (tmp_path / "elsewhere").exists()


def test_remains_of_a_copy_that_was_cut_off_are_replaced(app):
    (app.parent / "state" / "static" / "uploads.partial" / "old").mkdir(parents=True)
    kept = put(app, ["static/uploads"])
    assert [each.name for each in (kept / "static").iterdir()] == ["uploads"]
    assert [each.name for each in (kept / "static" / "uploads").iterdir()] == ["logo.png"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_user_copies_and_not_root(app):
    """A link of the user's must not lead root to a place that the user cannot write to."""
    state, of_root = app.parent / "state", app.parent / "of root"
    put(app, ["instance"], "nobody")
    assert state.owner() == (state / "instance").owner() == "nobody"
    of_root.mkdir()
    (state / "static").symlink_to(of_root)
    with pytest.raises(shared.Failed, match="state/static/uploads could not be filled with static/uploads .*denied"):
        put(app, ["static/uploads"], "nobody")
    assert list(of_root.iterdir()) == []
    assert (app / "static" / "uploads" / "logo.png").exists()


def test_a_release_has_links_in_place_of_what_is_shared():
    entries = [application.Entry(path, False, "0") for path in ("a.py", "data-2/y", "data/x", "shop.db", "static/z")]
    found = shared.with_links(entries, ["data/", "shop.db", "instance"], "/var/lib/shop")
    assert [each.path for each in found] == ["a.py", "data", "data-2/y", "instance", "shop.db", "static/z"]
    assert found[1] == application.link("data", "/var/lib/shop/data")
    assert shared.with_links(entries, [], "") == entries
