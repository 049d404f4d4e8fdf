# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import threading
import time

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, installed, releases


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "webserver")


@pytest.fixture
def archive(tmp_path):
    """Makes an archive from texts by file name."""

    def make(**files):
        with tarfile.open(tmp_path / "application.tar.gz", "w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name.replace("__", "/") + ".py")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        return str(tmp_path / "application.tar.gz")

    return make


@pytest.fixture
def deploy(path, archive):
    """Unpacks a release, and makes it the current one."""

    def deployed(name, venv=None, switch=True):
        venv = venv or os.path.join(path, "environments", "one")
        releases.unpack(path, name, archive(app=name), venv, {}, os.getgid())
        os.makedirs(venv, exist_ok=True)
        if switch:
            releases.switch(path, name)

    return deployed


def names(path):
    return [release.name for release in releases.releases(path)]


def test_nothing_there_yet(path):
    assert (releases.current(path), releases.former(path), releases.releases(path)) == (None, None, [])


def test_unpacked_release_has_files_environment_and_link_and_is_not_served(path, archive):
    environment = {"B": 'say "hi" for 5$ \\o/ `x`', "A": "1"}
    releases.unpack(path, "abc", archive(app="x = 1", shop__web="y = 2"), "/venv", environment, os.getgid())
    folder = os.path.join(path, "releases", "abc")
    assert sorted(os.listdir(folder)) == ["app", "environment", "files.json", "venv"]
    assert os.readlink(os.path.join(folder, "venv")) == "/venv"
    with open(os.path.join(folder, "app", "shop", "web.py")) as file:
        assert file.read() == "y = 2"
    with open(os.path.join(folder, "environment")) as file:
        assert file.read() == 'A="1"\nB="say \\"hi\\" for 5\\$ \\\\o/ \\`x\\`"\n'
    assert (releases.current(path), names(path)) == (None, ["abc"])
    assert releases.releases(path)[0].deployed is None


def test_other_users_cannot_read_a_release_even_while_it_is_copied(path, archive, monkeypatch):
    modes = []
    extract = tarfile.TarFile.extractall

    def extractall(members, folder, chosen, **options):
        modes.append(os.stat(os.path.dirname(folder)).st_mode & 0o777)
        extract(members, folder, chosen, **options)

    monkeypatch.setattr(tarfile.TarFile, "extractall", extractall)
    releases.unpack(path, "abc", archive(app="x"), "/venv", {}, os.getgid())
    assert modes == [0o700]
    assert os.stat(os.path.join(path, "releases", "abc")).st_mode & 0o777 == 0o750


def times(path, name):
    """Return the times of a release's files by their names."""
    app = os.path.join(path, "releases", name, "app")
    return {file: os.lstat(os.path.join(app, file)).st_mtime for file in os.listdir(app)}


def test_files_have_the_time_of_their_content(path, archive, monkeypatch):
    """1970 would be invalid in a ZIP, and equal for a changed file. A new time for all files would empty all caches."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    releases.unpack(path, "a", archive(same="1", other="old"), "/venv", {}, os.getgid())
    assert times(path, "a") == {"same.py": 1_700_000_000, "other.py": 1_700_000_000}
    releases.switch(path, "a")
    monkeypatch.setattr(time, "time", lambda: 1_700_000_900.0)
    releases.unpack(path, "b", archive(same="1", other="new", more="2"), "/venv", {}, os.getgid())
    assert times(path, "b") == {"same.py": 1_700_000_000, "other.py": 1_700_000_900, "more.py": 1_700_000_900}


@pytest.fixture
def short_archive(tmp_path):
    """Makes an archive that only lists its files, as application.write_archive() does for those of the machine."""

    def make(**texts):
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        entries = [application.Entry(f"{name}.py", False, digest) for name, digest in digests.items()]
        with open(tmp_path / "short.tar.gz", "wb") as stream:
            application.write_archive("/nonexistent", entries, stream, digests.values())
        return str(tmp_path / "short.tar.gz")

    return make


def test_copied_files_keep_the_time_of_their_content(path, archive, short_archive, monkeypatch):
    """At another path, the content is new: http://…/moved.py was not there before."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    releases.unpack(path, "a", archive(same="1", other="2"), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    monkeypatch.setattr(time, "time", lambda: 1_700_000_900.0)
    releases.unpack(path, "b", short_archive(same="1", moved="2"), "/venv", {}, os.getgid())
    assert times(path, "b") == {"same.py": 1_700_000_000, "moved.py": 1_700_000_900}
    assert releases.unchanged(path) == {hashlib.sha256(text).hexdigest() for text in (b"1", b"2")}


def test_a_file_that_is_edited_before_it_is_copied_makes_no_release(path, archive, short_archive):
    releases.unpack(path, "a", archive(same="1"), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    with open(os.path.join(path, "current", "app", "same.py"), "w") as file:
        file.write("edited")
    assert releases.unchanged(path) == set()
    with pytest.raises(releases.Refused, match=r"same\.py of the served release changed while it was copied\. Run"):
        releases.unpack(path, "b", short_archive(same="1"), "/venv", {}, os.getgid())
    assert names(path) == ["a"]


def test_the_room_for_copied_files_counts(path, archive, short_archive, monkeypatch):
    releases.unpack(path, "a", archive(same="x" * 5000), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    asked = []
    monkeypatch.setattr(releases, "_refuse_without_room", lambda _path, size: asked.append(size))
    releases.unpack(path, "b", short_archive(same="x" * 5000), "/venv", {}, os.getgid())
    assert asked == [5000]


def test_changed_file_is_newer_also_after_the_clock_was_set_back(path, archive, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    releases.unpack(path, "a", archive(app="old"), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    monkeypatch.setattr(time, "time", lambda: 1_600_000_000.0)
    releases.unpack(path, "b", archive(app="new"), "/venv", {}, os.getgid())
    assert times(path, "b") == {"app.py": 1_700_000_001}


def test_files_of_1970_are_dated_with_the_next_release(path, archive, monkeypatch):
    releases.unpack(path, "a", archive(app="same"), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    os.utime(os.path.join(path, "current", "app", "app.py"), (0, 0))
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    releases.unpack(path, "b", archive(app="same"), "/venv", {}, os.getgid())
    assert times(path, "b") == {"app.py": 1_700_000_000}


def test_remains_of_a_killed_run_are_no_release_and_are_replaced(path, archive):
    os.makedirs(os.path.join(path, "releases", ".abc.partial", "app", "half"))
    assert names(path) == []
    releases.unpack(path, "abc", archive(app="x"), "/venv", {}, os.getgid())
    assert os.listdir(os.path.join(path, "releases")) == ["abc"]
    assert os.listdir(os.path.join(path, "releases", "abc", "app")) == ["app.py"]


def test_release_that_does_not_fit_is_refused_before_a_byte_is_written(path, archive, monkeypatch):
    monkeypatch.setattr(releases, "RESERVE", 1 << 60)
    with pytest.raises(releases.Refused, match=r"has \d+ MiB free. The release needs 1 MiB"):
        releases.unpack(path, "abc", archive(app="x"), "/venv", {}, os.getgid())
    assert os.listdir(os.path.join(path, "releases")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_disk_that_fills_up_meanwhile_leaves_nothing(tmp_path, archive, monkeypatch):
    path = str(tmp_path / "small")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
    try:
        monkeypatch.setattr(releases, "_refuse_without_room", lambda *_arguments: None)
        with pytest.raises(releases.Refused, match="the disk of .* is full"):
            releases.unpack(path, "abc", archive(app="x" * 100000), "/venv", {}, os.getgid())
        assert os.listdir(os.path.join(path, "releases")) == []
    finally:
        subprocess.run(["umount", path], check=True)


def test_other_disk_errors_leave_nothing(path, archive, tmp_path):
    with pytest.raises(FileNotFoundError):
        releases.unpack(path, "abc", str(tmp_path / "missing.tar.gz"), "/venv", {}, os.getgid())
    assert os.listdir(os.path.join(path, "releases")) == []


def test_switching_moves_one_link(path, deploy):
    deploy("a")
    deploy("b", switch=False)
    assert releases.switch(path, "b") is True
    assert releases.switch(path, "b") is False
    assert os.readlink(os.path.join(path, "current")) == "releases/b"
    assert sorted(os.listdir(path)) == ["current", "environments", "releases"]


def test_switching_replaces_the_remains_of_a_killed_run(path, deploy):
    deploy("a")
    os.symlink("releases/x", os.path.join(path, ".current.partial"))
    deploy("b")
    assert releases.current(path) == "b"


def test_unknown_release_is_refused_with_the_names_of_the_others(path, deploy):
    deploy("a")
    with pytest.raises(releases.Refused, match="there is no release x in .* The releases there: a"):
        releases.switch(path, "x")
    assert releases.current(path) == "a"


def test_former_is_the_deploy_before_and_a_rollback_does_not_reorder(path, deploy):
    for name in "abc":
        deploy(name)
    deploy("never", switch=False)
    assert (names(path), releases.former(path)) == (["c", "b", "a", "never"], "b")
    releases.switch(path, "b", deployed=False)
    assert (names(path), releases.former(path)) == (["c", "b", "a", "never"], "a")
    releases.switch(path, "a", deployed=False)
    assert releases.former(path) is None


def test_deploys_are_counted_whatever_the_clock_says(path, archive, monkeypatch):
    for second, name in enumerate("abc"):
        monkeypatch.setattr(time, "time", lambda second=second: 1_700_000_000.0 - second)
        releases.unpack(path, name, archive(app=name), "/venv", {}, os.getgid())
        releases.switch(path, name)
    assert (names(path), releases.former(path)) == (["c", "b", "a"], "b")
    assert [release.deployed for release in releases.releases(path)][0] == 1_699_999_998
    releases.unpack(path, "b", archive(app="b"), "/venv", {}, os.getgid())
    assert names(path) == ["c", "b", "a"], "brought again it keeps its place"
    releases.prune(path, 2)
    assert names(path) == ["c", "b"]


def test_releases_from_before_deploys_were_counted_come_after_those_that_are(path, deploy):
    for name in "ab":
        deploy(name)
        os.unlink(os.path.join(releases.folder_of(path, name), releases.DEPLOYED))
        os.utime(releases.folder_of(path, name), (ord(name), ord(name)))
    deploy("c")
    assert (names(path), releases.former(path)) == (["c", "b", "a"], "b")


def test_deployed_again_counts_as_the_latest(path, deploy):
    deploy("a")
    deploy("b")
    releases.switch(path, "a")
    assert names(path)[0] == "a"
    assert releases.former(path) == "b"


@pytest.mark.parametrize("keep, stay", [(1, "dc"), (2, "dc"), (3, "dcb"), (9, "dcba")])
def test_prune_keeps_the_last_deployed_and_none_that_never_was(path, deploy, keep, stay):
    for name in "abcd":
        deploy(name)
    deploy("never", switch=False)
    removed = releases.prune(path, keep)
    assert names(path) == list(stay)
    assert sorted([*removed, *stay]) == ["a", "b", "c", "d", "never"]


def test_files_that_no_deploy_needs_are_removed_to_free_space(path, deploy):
    """Also if every later deploy has failed, as on a full disk."""
    environments = os.path.join(path, "environments")
    for name in "abcd":
        deploy(name, venv=os.path.join(environments, f"of-{name}"))
    deploy("killed", switch=False, venv=os.path.join(environments, "of-killed"))
    deploy("new", switch=False, venv=os.path.join(environments, "of-new"))
    for name in ("of-a", "of-b", "of-c", "of-d", "of-killed", "of-new", "of-next", "unfinished"):
        os.makedirs(os.path.join(environments, name), exist_ok=True)
    releases.make_room(path, 2, "new", os.path.join(environments, "of-next"))
    assert sorted(names(path)) == ["c", "d", "new"]
    assert sorted(os.listdir(environments)) == ["of-c", "of-d", "of-new", "of-next"]
    assert releases.current(path) == "d"


def test_prune_removes_remains_of_killed_runs(path, deploy):
    deploy("a")
    os.makedirs(os.path.join(path, "releases", ".b.partial", "app"))
    assert releases.prune(path, 5) == []
    assert os.listdir(os.path.join(path, "releases")) == ["a"]


def test_prune_never_removes_the_current_one(path, deploy):
    for name in "abcd":
        deploy(name)
    releases.switch(path, "a", deployed=False)
    releases.prune(path, 1)
    assert names(path) == ["d", "a"]


@pytest.mark.parametrize("keep", [1, 2])
def test_prune_keeps_the_release_that_was_current_before(path, deploy, keep):
    """After a rollback, this is not the last deployed one. It is put back if the current release fails."""
    for name in "abcd":
        deploy(name)
    releases.switch(path, "b", deployed=False)
    deploy("e")
    releases.prune(path, keep, "b")
    assert sorted(names(path)) == ["b", "e"]


def test_environments_go_with_the_last_release_that_links_to_them(path, deploy):
    environments = os.path.join(path, "environments")
    deploy("a", venv=os.path.join(environments, "old"))
    deploy("b", venv=os.path.join(environments, "new"))
    deploy("c", venv=os.path.join(environments, "new"))
    releases.prune(path, 2)
    assert os.listdir(environments) == ["new"]
    releases.remove(path, "b")
    assert os.listdir(environments) == ["new"]


def test_environment_of_a_failed_release_stays_for_the_next_try(path, deploy):
    """To install the packages takes longest. The next release that is served removes it if it has another one."""
    environments = os.path.join(path, "environments")
    deploy("a", venv=os.path.join(environments, "old"))
    deploy("bad", venv=os.path.join(environments, "new"), switch=False)
    releases.remove(path, "bad")
    assert sorted(os.listdir(environments)) == ["new", "old"]
    releases.make_room(path, 5, "fixed", os.path.join(environments, "new"))
    assert sorted(os.listdir(environments)) == ["new", "old"]
    releases.prune(path, 5)
    assert os.listdir(environments) == ["old"]


def test_environments_elsewhere_are_never_removed(path, deploy, tmp_path):
    theirs = tmp_path / "theirs"
    deploy("a", venv=str(theirs))
    deploy("b")
    deploy("c")
    releases.prune(path, 1)
    assert names(path) == ["c", "b"]
    assert theirs.is_dir()


def test_current_release_is_not_removed(path, deploy):
    deploy("a")
    with pytest.raises(releases.Refused, match="is being served"):
        releases.remove(path, "a")
    assert names(path) == ["a"]
    assert releases.remove(path, "unknown") is False


def test_data_may_vanish_while_a_changed_release_is_replaced(path, archive, monkeypatch):
    """For example the journal of a database. The other files stay in any case."""
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    app = os.path.join(path, "releases", "a", "app")
    for name in ("shop.db", "shop.db-journal"):
        with open(os.path.join(app, name), "w") as file:
            file.write(name)
    link = os.link

    def link_and_lose(there, here, **keywords):
        if there.endswith("-journal"):
            os.unlink(there)
        link(there, here, **keywords)

    monkeypatch.setattr(os, "link", link_and_lose)
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    assert sorted(os.listdir(app)) == ["app.py", "shop.db"]

    def interrupted(*_arguments, **_keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", interrupted)
    with pytest.raises(KeyboardInterrupt):
        releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    assert sorted(os.listdir(app)) == ["app.py", "shop.db"]


def test_changed_release_is_linked_again_also_if_its_old_files_stay(path, archive, monkeypatch):
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    releases.switch(path, "a")
    before = os.lstat(os.path.join(path, "current")).st_ino
    remove = shutil.rmtree

    def busy(folder, ignore_errors=False):
        if ".changed" in folder and not ignore_errors:
            raise OSError(39, "Directory not empty")
        remove(folder, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", busy)
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    assert os.lstat(os.path.join(path, "current")).st_ino != before


def test_only_one_process_changes_the_releases_at_a_time(path):
    os.mkdir(path)
    ours = os.open(path, os.O_RDONLY)
    fcntl.flock(ours, fcntl.LOCK_EX)
    done = []

    def other():
        with releases.alone(path):
            done.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(0.2)
    done.append("ours")
    os.close(ours)
    thread.join(10)
    assert done == ["ours", "other"]


@pytest.fixture
def venv(tmp_path):
    site_packages = tmp_path / "venv" / "lib" / "site-packages"
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    for file in ("bin/python3", "bin/gunicorn", "pyvenv.cfg"):
        (tmp_path / "venv" / file).write_text("x = 1\n")
    for package, record in (("flask-3.1.3", "flask.py,,\n"), ("gunicorn-27.0.1", "../../bin/gunicorn,,\nx.pyc,,\n")):
        (site_packages / f"{package}.dist-info").mkdir(parents=True)
        (site_packages / f"{package}.dist-info" / "RECORD").write_text(f"{record}{package}.dist-info/RECORD,,\n")
    (site_packages / "flask.py").write_text("x = 1\n")
    (site_packages / "x.pyc").write_text("")
    distributions = installed.note(str(tmp_path / "venv"), str(site_packages))
    noted = {"site_packages": str(site_packages), "distributions": distributions}
    (tmp_path / "venv" / "installed.json").write_text(json.dumps(noted))
    return tmp_path / "venv"


def test_complete_environment_is_sound_also_with_more_in_it(venv):
    (venv / "lib" / "site-packages" / "more-1.0.dist-info").mkdir()
    (venv / "lib" / "site-packages" / "x.pyc").unlink()
    assert releases.is_sound(str(venv))


def test_environment_that_was_copied_is_sound(venv):
    """Its files have the same content, but other times."""
    for path in venv.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (0, 0))
    assert releases.is_sound(str(venv))


@pytest.mark.parametrize(
    "damage",
    [
        lambda venv: (venv / "installed.json").unlink(),
        lambda venv: (venv / "installed.json").write_text("{"),
        lambda venv: (venv / "installed.json").write_text("[]"),
        lambda venv: (venv / "bin" / "python3").unlink(),
        lambda venv: (venv / "pyvenv.cfg").unlink(),
        lambda venv: (venv / "bin" / "gunicorn").unlink(),
        lambda venv: (venv / "lib" / "site-packages" / "flask.py").write_text("x = 2\n"),
        lambda venv: (venv / "lib" / "site-packages" / "flask.py").write_text(""),
        lambda venv: (venv / "lib" / "site-packages" / "flask-3.1.3.dist-info" / "RECORD").unlink(),
        lambda venv: shutil.rmtree(venv / "lib" / "site-packages" / "flask-3.1.3.dist-info"),
        lambda venv: (venv / "lib" / "site-packages" / "flask-3.1.3.dist-info").rename(
            venv / "lib" / "site-packages" / "flask-3.0.0.dist-info"
        ),
    ],
    ids=[
        "interrupted",
        "cut note",
        "strange note",
        "no Python",
        "no pyvenv.cfg",
        "script removed",
        "file changed",
        "file emptied",
        "record removed",
        "package removed",
        "package changed",
    ],
)
def test_damaged_environment_is_not_sound(venv, damage):
    damage(venv)
    assert not releases.is_sound(str(venv))


def test_differing_files_are_reported_with_their_text(path, archive):
    files = {"same": "1", "changed": "old", "removed": "gone"}
    releases.unpack(path, "a", archive(**files), "/venv", {}, os.getgid())
    with open(os.path.join(path, "releases", "a", "app", "logo.png"), "wb") as file:
        file.write(b"\x89\xff")
    wanted = {"same.py": "1", "changed.py": "new", "added.py": "2", "logo.png": "other"}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in wanted.items()}
    assert releases.differing(path, "a", digests) == {
        "added.py": None,
        "changed.py": "old",
        "logo.png": None,
        "removed.py": "gone",
    }


def test_secrets_are_not_read(path, archive):
    """With -vvv, Ansible prints what a module returns."""
    releases.unpack(path, "a", archive(my_password="old", app="old"), "/venv", {}, os.getgid())
    digests = {name: hashlib.sha256(b"new").hexdigest() for name in ("my_password.py", "app.py")}
    assert releases.differing(path, "a", digests) == {"my_password.py": None, "app.py": "old"}


def test_an_application_s_own_data_is_not_read(path, archive):
    """Root would read it, and the log would show it. Reading a pipe would hang."""
    releases.unpack(path, "a", archive(app="1", gone="2"), "/venv", {}, os.getgid())
    app = os.path.join(path, "releases", "a", "app")
    with open(os.path.join(app, "customers.csv"), "w") as file:
        file.write("of theirs")
    os.unlink(os.path.join(app, "gone.py"))
    os.mkfifo(os.path.join(app, "gone.py"))
    digests = {"app.py": hashlib.sha256(b"1").hexdigest()}
    assert releases.differing(path, "a", digests) == {"gone.py": None}


def test_data_is_not_linked_elsewhere_by_a_folder_that_is_swapped(path, archive, tmp_path, monkeypatch):
    """Otherwise the owner of the folder could make root link files to any place."""
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    app = os.path.join(path, "releases", "a", "app")
    (tmp_path / "elsewhere").mkdir()
    os.mkdir(os.path.join(app, "data"), 0o777)
    for name in "abc":
        with open(os.path.join(app, "data", name), "w") as file:
            file.write(name)
    link = os.link

    def link_and_swap(name, here, **keywords):
        link(name, here, **keywords)
        new = os.readlink(f"/proc/self/fd/{keywords['dst_dir_fd']}")
        if os.path.isdir(new) and not new.endswith("aside"):
            assert stat.S_IMODE(os.stat(new).st_mode) == 0o700, "nobody else can swap it yet"
            os.rename(new, new + "aside")
            os.symlink(tmp_path / "elsewhere", new)

    monkeypatch.setattr(os, "link", link_and_swap)
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    assert os.listdir(tmp_path / "elsewhere") == []


def test_links_differ_by_their_targets(path, archive):
    releases.unpack(path, "a", archive(app="1"), "/venv", {}, os.getgid())
    app = os.path.join(path, "releases", "a", "app")
    os.symlink("app.py", os.path.join(app, "same"))
    os.symlink("/nonexistent", os.path.join(app, "moved"))
    texts = {"app.py": "1", "same": "-> app.py", "moved": "-> app.py"}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    assert releases.differing(path, "a", digests) == {"moved": "-> /nonexistent"}


def test_passwords_of_urls_stay_on_the_machine(path, archive):
    """ansible-playbook -vvv prints the result of a module."""
    releases.unpack(path, "a", archive(app="-i https://me:s3cr3t@index.example/"), "/venv", {}, os.getgid())
    assert releases.differing(path, "a", {}) == {"app.py": "-i https://index.example/"}


def test_differing_environment_variables_are_reported_without_values(path, archive):
    before = {"SAME": "1", "CHANGED": 'a "b"\nNO="', "GONE": "x", "MY_NEW": "2"}
    releases.unpack(path, "a", archive(app="1"), "/venv", before, os.getgid())
    after = {"SAME": "1", "CHANGED": 'a "c"\nNO="', "NEW": "2", "MY_NEW": "2"}
    found = {"CHANGED": "changed", "GONE": "gone", "NEW": "new"}
    assert releases.differing_variables(path, "a", after) == found
    assert releases.differing_variables(path, "a", before) == {}
    assert releases.differing_variables(path, "not-there", after) == {}
