# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole module release: the control node's part, and that of the managed node, which is this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.flasklaunch.ec2.plugins.action import release as action
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import application, releases
from ansible_collections.flasklaunch.ec2.plugins.modules import release

USER = pwd.getpwuid(os.getuid()).pw_name


class Here(action.ActionModule):
    """Runs the module in this process, and copies files instead of sending them."""

    def __init__(self, args, run_module, folder, check_mode, diff):
        task = SimpleNamespace(args=args, check_mode=check_mode, diff=diff, async_val=0)
        shell = SimpleNamespace(tmpdir=str(folder), join_path=os.path.join)
        super().__init__(task, SimpleNamespace(_shell=shell), None, None, None, None)
        self.run_module, self.asked, self.sent, self.readable = run_module, 0, [], ()

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "flasklaunch.ec2.release"
        self.asked += 1
        return self.run_module(release, _ansible_check_mode=self._task.check_mode, **module_args)

    def _make_tmp_path(self):
        return self._connection._shell.tmpdir

    def _transfer_file(self, local_path, remote_path):
        self.sent.append(remote_path)
        shutil.copy(local_path, remote_path)

    def _fixup_perms2(self, paths):
        self.readable = paths


@pytest.fixture
def path(tmp_path):
    return tmp_path / "webserver"


@pytest.fixture
def machine(run_module, tmp_path, path):
    """Runs the module with some arguments, and keeps the last action for the test."""
    folder = tmp_path / "ansible-tmp"
    folder.mkdir()

    class Machine:
        def __call__(self, check_mode=False, diff=False, **args):
            args = {"path": str(path), "venv": "/venv", "user": USER, **args}
            self.last = Here(args, run_module, folder, check_mode, diff)
            return self.last.run(task_vars={})

        def app(self, name):
            return path / "releases" / name / "app"

    return Machine()


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "web.py").write_text("app = 1\n")
    return folder


def test_application_is_sent_once(machine, shop, tmp_path):
    first = machine(src=str(shop))
    assert (first["changed"], first["present"], first["current"]) == (True, False, None)
    assert (machine.app(first["name"]) / "web.py").read_text(encoding="utf-8") == "app = 1\n"
    archive = str(tmp_path / "ansible-tmp" / "application.tar.gz")
    assert machine.last.sent == [archive]
    assert machine.last.readable == (str(tmp_path / "ansible-tmp"), archive), "become_user must read it"
    again = machine(src=str(shop))
    assert (again["changed"], again["present"], again["name"]) == (False, True, first["name"])
    assert (machine.last.asked, machine.last.sent) == (1, [])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "app" / "web.py").write_text("app = 'changed by hand'\n"),
        lambda folder: (folder / "app" / "web.py").unlink(),
        lambda folder: (folder / "app" / "web.py").chmod(0o755),
        lambda folder: (folder / "environment").write_text("B=2\n"),
        lambda folder: (folder / "venv").unlink(),
        lambda folder: (folder / "files.json").write_text("[[1, 2, 3]]"),
        lambda folder: shutil.rmtree(folder / "app"),
    ],
    ids=["edited", "removed", "executable", "environment", "venv", "note", "all"],
)
def test_release_that_was_changed_is_copied_again(machine, shop, path, change):
    name = machine(src=str(shop), environment={"A": "1"})["name"]
    releases.switch(str(path), name)
    folder, link = path / "releases" / name, os.lstat(path / "current")
    change(folder)
    deployed = os.stat(folder).st_mtime
    planned = machine(src=str(shop), environment={"A": "1"}, check_mode=True)
    assert (planned["changed"], planned["present"]) == (True, False)
    again = machine(src=str(shop), environment={"A": "1"})
    assert (again["changed"], again["present"], again["current"]) == (True, False, name)
    assert os.listdir(folder / "app") == ["web.py"]
    assert (folder / "app" / "web.py").read_text(encoding="utf-8") == "app = 1\n"
    assert (folder / "environment").read_text(encoding="utf-8") == 'A="1"\n'
    assert os.readlink(folder / "venv") == "/venv"
    assert os.stat(folder).st_mtime == deployed, "its place among the releases stays"
    assert os.lstat(path / "current").st_ino != link.st_ino, "who serves it is to see that it is another"
    assert os.listdir(path / "releases") == [name]
    assert not machine(src=str(shop), environment={"A": "1"})["changed"]


@pytest.fixture
def strict_umask():
    """The umask of root on hardened machines."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_user_can_enter_the_release_with_a_strict_umask(machine, shop, path, strict_umask):
    (shop / "static").mkdir()
    (shop / "static" / "page.css").write_text("")
    name = machine(src=str(shop))["name"]
    modes = {folder: stat.S_IMODE(os.stat(path / folder).st_mode) for folder in (".", "releases", "environments")}
    assert set(modes.values()) == {0o755}
    assert stat.S_IMODE((machine.app(name) / "static").stat().st_mode) == 0o755
    assert stat.S_IMODE((machine.app(name) / "web.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((path / "releases" / name).stat().st_mode) == 0o750, "and nobody else"


@pytest.mark.parametrize("meanwhile", [lambda file: file.write_text("app = 2\n"), lambda file: file.unlink()])
def test_files_that_change_while_they_are_read_are_refused(machine, shop, path, monkeypatch, meanwhile):
    """The release would have the name of the former content."""
    write = application.write_archive

    def archive(folder, entries, stream, there):
        meanwhile(shop / "web.py")
        write(folder, entries, stream, there)

    monkeypatch.setattr(application, "write_archive", archive)
    with pytest.raises(AnsibleActionFail, match="src: .*/shop changed while it was read. Run this again"):
        machine(src=str(shop))
    assert not path.exists()


def test_only_what_the_served_release_lacks_is_sent(machine, shop, path, monkeypatch):
    """A file that was edited there is sent again. A moved one is not, and an executable one stays executable."""
    for name in ("logo.bin", "photo.bin", "run.sh"):
        (shop / name).write_bytes(os.urandom(1 << 16))
    (shop / "run.sh").chmod(0o755)
    first = machine(src=str(shop))["name"]
    releases.switch(str(path), first)
    (machine.app(first) / "photo.bin").write_bytes(b"edited")
    (shop / "web.py").write_text("app = 2\n")
    (shop / "static").mkdir(exist_ok=True)
    (shop / "logo.bin").rename(shop / "static" / "logo.bin")
    sizes, write = [], application.write_archive

    def archive(folder, entries, stream, there):
        write(folder, entries, stream, there)
        sizes.append(stream.tell())

    monkeypatch.setattr(application, "write_archive", archive)
    second = machine.app(machine(src=str(shop))["name"])
    assert [size >> 16 for size in sizes] == [1], "the edited file alone"
    there = {str(each.relative_to(second)): each.read_bytes() for each in second.rglob("*") if each.is_file()}
    assert there == {str(each.relative_to(shop)): each.read_bytes() for each in shop.rglob("*") if each.is_file()}
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in second.rglob("*") if each.is_file()}
    assert (modes["run.sh"], modes["logo.bin"]) == (0o755, 0o644)
    assert os.stat(second / "run.sh").st_ino != os.stat(machine.app(first) / "run.sh").st_ino, (
        "no release changes another"
    )


def test_data_of_the_application_stays(machine, shop):
    """For example a database. If the release is copied again, it stays, with its owner."""
    (shop / "static").mkdir()
    (shop / "static" / "page.css").write_text("")
    app = machine.app(machine(src=str(shop))["name"])
    (app / "instance").mkdir(mode=0o700)
    (app / "instance" / "shop.db").write_text("theirs")
    (app / "instance" / "latest").symlink_to("nowhere")
    (app / "static" / "upload.png").write_text("theirs too")
    assert not machine(src=str(shop))["changed"]
    (app / "web.py").write_text("by hand\n")
    assert machine(src=str(shop))["changed"]
    assert (app / "web.py").read_text(encoding="utf-8") == "app = 1\n"
    assert (app / "instance" / "shop.db").read_text(encoding="utf-8") == "theirs"
    assert stat.S_IMODE((app / "instance").stat().st_mode) == 0o700
    assert (app / "instance" / "latest").is_symlink()
    assert (app / "static" / "upload.png").read_text(encoding="utf-8") == "theirs too"


def test_diff_shows_changes_on_the_machine(machine, shop, served):
    (machine.app(served) / "web.py").write_text("by hand\n")
    (machine.app(served) / "shop.db").write_text("theirs")
    assert machine(diff=True, src=str(shop))["diff"] == [
        dict(before_header="web.py", before="by hand\n", after_header="web.py", after="app = 1\n")
    ]


def test_application_in_content_may_have_folders_and_leaves_no_files(machine, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(action.tempfile, "tempdir", str(tmp_path / "tmp"))
    name = machine(content={"web.py": "é = 1\r\n", "static/css/page.css": "body {}"})["name"]
    assert (machine.app(name) / "web.py").read_bytes() == "é = 1\r\n".encode()
    assert (machine.app(name) / "static" / "css" / "page.css").read_text(encoding="utf-8") == "body {}"
    assert os.listdir(tmp_path / "tmp") == []


def test_shared_files_are_links_from_their_first_release_on(machine, shop, tmp_path):
    """The module tells the release with links from the one without, but not by what its first release brings."""
    (shop / "uploads").mkdir()
    (shop / "uploads" / "logo.png").write_text("first")
    without = machine(src=str(shop))
    shared = {"shared": ["uploads/", "shop.db"], "shared_in": str(tmp_path / "state")}
    checked = machine(src=str(shop), check_mode=True, **shared)
    assert (checked["changed"], checked["name"] != without["name"]) == (True, True)
    assert not (tmp_path / "state").exists()
    first = machine(src=str(shop), **shared)
    app = machine.app(first["name"])
    assert (app / "uploads" / "logo.png").read_text(encoding="utf-8") == "first"
    (app / "uploads" / "mine.png").write_text("of a visitor")
    (app / "shop.db").write_text("data")
    (shop / "uploads" / "logo.png").write_text("second")
    (shop / "web.py").write_text("app = 2\n")
    second = machine(src=str(shop), **shared)
    app = machine.app(second["name"])
    assert second["name"] != first["name"]
    assert {each.name: each.read_text(encoding="utf-8") for each in (app / "uploads").iterdir()} == {
        "logo.png": "first",
        "mine.png": "of a visitor",
    }
    assert (tmp_path / "state" / "shop.db").read_text(encoding="utf-8") == "data"
    assert not machine(src=str(shop), **shared)["changed"]
    (app / "uploads").unlink()
    (app / "uploads").mkdir()
    assert machine(src=str(shop), **shared)["changed"], "a link that was replaced is made again"
    assert (app / "uploads").is_symlink()


def test_diff_shows_where_shared_files_are(machine, shop, served, tmp_path):
    (shop / "uploads").mkdir()
    (shop / "uploads" / "logo.png").write_text("first")
    result = machine(src=str(shop), diff=True, shared=["uploads"], shared_in="/var/lib/shop")
    assert {"prepared": "uploads -> /var/lib/shop/uploads\n"} in result["diff"]


def test_tilde_stands_for_the_home(machine, shop, monkeypatch):
    monkeypatch.setenv("HOME", str(shop.parent))
    assert machine(src="~/shop")["changed"]


def test_environment_variables_are_part_of_the_release(machine, shop, path):
    before = machine(src=str(shop))["name"]
    result = machine(src=str(shop), environment={"WORKERS": 4})
    assert result["changed"]
    assert result["name"] != before
    assert (path / "releases" / result["name"] / "environment").read_text(encoding="utf-8") == 'WORKERS="4"\n'
    assert machine(src=str(shop), venv="/other")["name"] not in (before, result["name"])


def test_excluded_files_are_not_sent(machine, shop):
    (shop / "venv").mkdir()
    (shop / "venv" / "lib.py").write_text("")
    (shop / "notes.txt").write_text("")
    assert sorted(os.listdir(machine.app(machine(src=str(shop))["name"]))) == ["notes.txt", "web.py"]
    name = machine(src=str(shop), exclude=["*.txt"])["name"]
    assert sorted(os.listdir(machine.app(name))) == ["venv", "web.py"]


def test_check_mode_sends_nothing_and_reports_the_release(machine, shop, path):
    result = machine(check_mode=True, src=str(shop))
    assert (result["changed"], result["present"]) == (True, False)
    assert machine.last.sent == []
    assert not path.exists()


@pytest.fixture
def served(machine, shop, path):
    """A release that is served, with a file of every kind."""
    (shop / "gone.py").write_text("x\n")
    (shop / "tls.key").write_text("SECRET_KEY=1\n")
    (shop / "logo.png").write_bytes(b"\x89PNG\xff")
    name = machine(src=str(shop))["name"]
    releases.switch(str(path), name)
    return name


def test_diff_compares_the_served_release_with_the_new_one(machine, shop, served):
    (shop / "web.py").write_text("app = 2\n")
    (shop / "gone.py").unlink()
    (shop / "new.py").write_text("y\n")
    (shop / "logo.png").write_bytes(b"\x89PNG\xfe")
    (shop / "tls.key").write_text("SECRET_KEY=2\n")
    result = machine(diff=True, src=str(shop))
    assert result["current"] == served
    shown = {each.get("after_header") or each["prepared"].split()[0]: each for each in result["diff"]}
    assert shown == {
        "web.py": dict(before_header="web.py", before="app = 1\n", after_header="web.py", after="app = 2\n"),
        "gone.py": dict(before_header="gone.py", before="x\n", after_header="gone.py", after=""),
        "new.py": dict(before_header="new.py", before="", after_header="new.py", after="y\n"),
        "logo.png": dict(prepared="logo.png (its content is not shown)\n"),
        "tls.key": dict(prepared="tls.key (its content is not shown)\n"),
    }


def test_diff_of_links_and_of_very_long_files(machine, shop, served):
    (shop / "dump.sql").write_text("x" * (releases.LONGEST_TEXT + 1))
    (shop / "link").symlink_to("web.py")
    assert machine(diff=True, src=str(shop))["diff"] == [
        dict(prepared="dump.sql (its content is not shown)\n"),
        dict(before_header="link", before="", after_header="link", after="-> web.py"),
    ]


INDEX = "--extra-index-url https://user:{}@index.example/simple\nflask\n"


def test_diff_shows_no_password_of_a_url(machine, shop, path):
    (shop / "requirements.txt").write_text(INDEX.format("s3cr3tpw"))
    releases.switch(str(path), machine(src=str(shop))["name"])
    (shop / "requirements.txt").write_text(INDEX.format("0therpw") + "markdown\n")
    result = machine(diff=True, check_mode=True, src=str(shop))
    shown = "--extra-index-url https://index.example/simple\nflask\n"
    assert result["diff"] == [
        dict(
            before_header="requirements.txt", before=shown, after_header="requirements.txt", after=shown + "markdown\n"
        )
    ]
    (shop / "requirements.txt").write_text(INDEX.format("0therpw"))
    assert machine(diff=True, check_mode=True, src=str(shop))["diff"] == [
        {"prepared": "requirements.txt (the user name or password in a URL changes; it is not shown)\n"}
    ]


@pytest.mark.parametrize("secret", ["deploy.KEY", "my-secrets/web.txt", "config/.env.local", "PassWords.txt"])
def test_diff_shows_no_file_whose_name_suggests_secrets(machine, shop, served, secret):
    (shop / secret).parent.mkdir(exist_ok=True, parents=True)
    (shop / secret).write_text("hunter2")
    result = machine(diff=True, check_mode=True, src=str(shop), exclude=[])
    assert result["diff"] == [{"prepared": f"{secret} (its content is not shown)\n"}]
    assert "hunter2" not in repr(result)


def test_diff_names_the_environment_variables_that_change(machine, shop, served):
    result = machine(diff=True, check_mode=True, src=str(shop), environment={"DATABASE_URL": "postgres://:hunter2@db"})
    assert {"prepared": "environment variable DATABASE_URL: new\n"} in result["diff"]
    assert "hunter2" not in repr(result["diff"])
    assert "differing_variables" not in result


def test_without_diff_nothing_is_compared(machine, shop, served):
    (shop / "web.py").write_text("app = 2\n")
    result = machine(src=str(shop))
    assert "diff" not in result
    assert "differing" not in result
    assert machine(diff=True, src=str(shop))["diff"] != [], "it is there, and another one is served"


def test_first_release_has_no_diff(machine, shop):
    assert machine(diff=True, src=str(shop))["diff"] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "set exactly one of src, content and name"),
        ({"src": "/tmp", "content": {"a": "b"}}, "set exactly one of src, content and name"),
        ({"src": "/tmp", "name": "abc"}, "set exactly one of src, content and name"),
        ({"src": "/tmp", "venv": None}, "set venv: src and content need it"),
        ({"src": "/nonexistent/shop"}, "src: .*No such file or directory: '/nonexistent/shop'"),
        ({"content": {}}, "has no files in it"),
        ({"content": "print()"}, r"content: print\(\) is not a dictionary"),
        ({"src": "/tmp", "environment": "A=b"}, "environment: A=b is not a dictionary"),
    ],
)
def test_wrong_options_are_refused_on_the_control_node(machine, args, message):
    with pytest.raises(AnsibleActionFail, match=message):
        machine(**args)
    assert machine.last.asked == 0


def test_file_that_cannot_be_read_is_refused(machine, shop):
    os.mkfifo(shop / "pipe")
    with pytest.raises(AnsibleActionFail, match="pipe is a named pipe, .* to webserver_app_exclude") as refused:
        machine(src=str(shop))
    assert refused.value.__cause__ is None, "ansible-core 2.19 and newer print the cause after the message"
    assert machine(src=str(shop), exclude=["pipe"])["changed"]


def test_link_out_of_the_folder_is_refused_before_the_machine_is_asked(machine, shop):
    """For example a requirements.txt: pip prints lines that it cannot parse, and could read the target as root."""
    (shop / "requirements.txt").symlink_to("/etc/shadow")
    with pytest.raises(AnsibleActionFail, match="requirements.txt is a link to /etc/shadow.* webserver_app_exclude"):
        machine(src=str(shop))
    assert machine.last.asked == 0


def test_excluded_files_are_reported_only_with_a_new_release(machine, shop):
    (shop / ".env").write_text("SECRET_KEY=1")
    (shop / "__pycache__").mkdir()
    assert machine(src=str(shop), check_mode=True)["left_out"] == {".env": ".env"}
    result = machine(src=str(shop))
    assert result["left_out"] == {".env": ".env"}
    assert os.listdir(machine.app(result["name"])) == ["web.py"]
    assert "left_out" not in machine(src=str(shop))


def test_refusal_of_the_managed_node_is_returned(machine, shop):
    result = machine(src=str(shop), user="no-such-user")
    assert result["failed"]
    assert "no-such-user" in result["msg"]


def test_full_disk_names_the_variable_of_the_role(machine, shop, monkeypatch):
    monkeypatch.setattr(releases, "RESERVE", 1 << 60)
    result = machine(src=str(shop))
    assert result["failed"]
    assert result["msg"].endswith(
        "Keep fewer releases, or make the disk larger. In the webserver role, webserver_keep_releases is this number"
    )


def test_module_that_is_killed_is_reported(machine, shop, monkeypatch):
    """Ansible's own message is only that it could not deserialize the result."""
    killed = {"failed": True, "rc": 137, "module_stdout": "", "msg": "Module result deserialization failed."}
    monkeypatch.setattr(Here, "_execute_module", lambda self, **_arguments: dict(killed))
    result = machine(src=str(shop))
    assert result["failed"]
    assert result["msg"].startswith("A process of this task was killed on the machine, most often because its memory")


def test_failure_is_reported_before_anything_is_sent(machine, shop):
    result = machine(src=str(shop), keep="many")
    assert result["failed"]
    assert machine.last.sent == []


def test_lock_of_a_run_that_has_ended_is_taken_and_that_of_another_is_not(machine, shop, path, monkeypatch):
    """This is its control node, so this test sees whether its process still runs."""
    lock = path / "releases" / ".lock"
    name = machine(src=str(shop), lock=True)["name"]
    assert lock.exists()
    this_run = action._run.this_run
    monkeypatch.setattr(action._run, "this_run", lambda: {**this_run(), "pid": 1, "started": "then"})
    refused = machine(state="current", name=name, lock=True)
    assert refused["failed"]
    assert f"(process {os.getpid()}) has been deploying" in refused["msg"]
    machine(src=str(shop), state="present")
    lock.write_text(
        lock.read_text(encoding="utf-8").replace(f'"started": "{this_run()["started"]}"', '"started": "long ago"')
    )
    assert machine(state="current", name=name, lock=True)["changed"]
    (shop / "web.py").write_text("app = 2\n")
    assert machine(src=str(shop), lock=True)["changed"]
    assert '"then"' in lock.read_text(encoding="utf-8")


def test_lock_is_not_kept_if_there_is_nothing_to_do(machine, shop, path, monkeypatch):
    monkeypatch.setattr(releases, "is_sound", lambda venv: True)
    name = machine(src=str(shop), lock=True)["name"]
    machine(state="current", name=name, lock=True)
    machine(state="finished", lock=True)
    result = machine(src=str(shop), lock=True)
    assert not result["changed"]
    assert result["lock"]["path"] == str(path)
    assert not (path / "releases" / ".lock").exists()


def test_other_states_need_no_application(machine, shop, path, served):
    assert machine(name=served)["present"]
    (shop / "web.py").write_text("app = 2\n")
    name = machine(src=str(shop))["name"]
    assert machine(state="current", name=name)["changed"]
    assert os.readlink(path / "current") == f"releases/{name}"
    assert machine(state="absent", name=served)["removed"] == [served]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_only_the_group_of_the_user_may_read_it(machine, shop, path):
    name = machine(src=str(shop), user="nobody")["name"]
    status = os.stat(path / "releases" / name)
    assert (status.st_uid, status.st_gid) == (0, pwd.getpwnam("nobody").pw_gid)
    assert stat.S_IMODE(status.st_mode) == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_user_gets_a_release_that_its_group_may_read(machine, shop, path):
    """The release that is served keeps its own group, so that it can be put back and rolled back to."""
    before = machine(src=str(shop), user="root")["name"]
    releases.switch(str(path), before)
    name = machine(src=str(shop), user="nobody")["name"]
    groups = {each: os.stat(path / "releases" / each).st_gid for each in (before, name)}
    assert groups == {before: 0, name: pwd.getpwnam("nobody").pw_gid}
    os.chown(path / "releases" / name, -1, 12345)  # as if the user was removed and made again
    assert machine(src=str(shop), user="nobody")["changed"]
    assert os.stat(path / "releases" / name).st_gid == groups[name]
    machine(name=before, user="nobody", check_mode=True)
    assert os.stat(path / "releases" / before).st_gid == 0
    machine(name=before, user="nobody")
    assert os.stat(path / "releases" / before).st_gid == groups[name]
