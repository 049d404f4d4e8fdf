"""How virtual environments are checked, made by a user without privileges, and copied by root."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import pwd
import shutil
import socket
import stat
import tempfile

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy import environment, installed, pip_job
from ansible_collections.flasklaunch.ec2.plugins.module_utils._deploy.pins import Pin
from ansible_collections.flasklaunch.ec2.plugins.module_utils._systemd import manager

PINS = [Pin("flask==3.1.3", "", ["sha256:aa"], []), Pin("gunicorn==23.0.0", "", ["sha256:bb"], [])]
ME = os.geteuid()


@pytest.fixture
def base(tmp_path):
    (tmp_path / "python3.9").touch(mode=0o755)
    return environment.Base("3.9", str(tmp_path / "python3.9"), "python3.9")


@pytest.fixture
def order(tmp_path, base):
    return environment.Order(
        folder=str(tmp_path / "env"),
        python=base.executable,
        base=base,
        requirements="",
        requirements_text="",
        pins=PINS,
        has_hashes=True,
        pip_conf="[global]\n",
        reads=[],
    )


def fill(folder, base):
    """Make the files that venv and pip would make."""
    folder = pathlib.Path(folder)
    metadata = folder / "lib" / base.library / "site-packages" / "flask-3.1.3.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "flask.py").write_text("VERSION = 1\n", encoding="utf-8")
    (metadata / "RECORD").write_text("flask.py,,\nflask-3.1.3.dist-info/RECORD,,\n", encoding="utf-8")
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(base.executable)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    (folder / "lib64").symlink_to("lib")
    return folder


@pytest.fixture
def env(order):
    """A complete environment."""
    folder = fill(order.folder, order.base)
    environment.seal(order, str(folder))
    return folder


# Looking


def test_complete_environment_is_left_alone(order, env):
    assert environment.look(order) == (True, True, {"flask": "3.1.3"})


@pytest.mark.parametrize(
    "change",
    [
        {"pins": PINS[:1]},
        {"requirements": __file__},
        {"base": environment.Base("3.9", "/usr/bin/other", "python3.9")},
        {"base": environment.Base("3.10", "/usr/bin/python3", "python3.10")},
    ],
)
def test_environment_of_something_else_is_made_again_with_new_versions(order, env, change):
    assert environment.look(order._replace(**change)) == (False, True, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda env: (env / "pyvenv.cfg").unlink(),
        lambda env: (env / "lib/python3.9/site-packages/flask.py").unlink(),
        lambda env: (env / "lib/python3.9/site-packages/flask.py").write_text("VERSION = 2\n"),
        lambda env: shutil.rmtree(env / "lib/python3.9/site-packages/flask-3.1.3.dist-info"),
        lambda env: (env / "bin/python3").unlink(),
        lambda env: ((env / "bin/python3").unlink(), (env / "bin/python3").symlink_to("/bin/sh")),
    ],
)
def test_damaged_environment_is_made_again_with_the_same_versions(order, env, damage):
    damage(env)
    assert environment.look(order) == (False, True, {"flask": "3.1.3"})


@pytest.mark.parametrize("note", [None, "", "[]", '{"site_packages": "x", "distributions": {}}'])
def test_environment_without_a_valid_note_is_made_again(order, env, note):
    (env / installed.NOTE).unlink()
    if note is not None:
        (env / installed.NOTE).write_text(note, encoding="utf-8")
    assert environment.look(order) == (False, True, {})


def test_python_may_be_copied_into_the_environment(order, env):
    (env / "bin" / "python3").unlink()
    (env / "bin" / "python3").touch(mode=0o755)
    assert environment.look(order).is_complete


def test_other_settings_do_not_make_the_environment_again(order, env):
    other = order._replace(pip_conf="[global]\nindex-url = x\n")
    assert environment.look(other)[:2] == (True, False)
    environment.configure(other)
    assert environment.look(other)[:2] == (True, True)
    assert (env / "pip.conf").stat().st_mode & 0o777 == 0o600


def test_included_file_is_a_part_of_the_requirements(order, tmp_path):
    (tmp_path / "requirements.txt").write_text("-r more.txt\n", encoding="utf-8")
    found = set()
    for text in ("flask==3.1.3\n", "flask==3.1.2\n"):
        (tmp_path / "more.txt").write_text(text, encoding="utf-8")
        found.add(environment.digest(str(tmp_path / "requirements.txt")))
    assert len(found) == 2
    assert environment.digest("") is None


def test_foreign_files_are_not_replaced(order, tmp_path):
    (tmp_path / "env" / "mine").mkdir(parents=True)
    assert environment.look(order)[:2] == (False, False)  # a folder without files
    (tmp_path / "env" / "mine" / "note.txt").touch()
    with pytest.raises(environment.Unfit, match="has files and is not a virtual environment"):
        environment.look(order)


def test_folder_that_this_user_cannot_write_is_refused(order, env, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert environment.look(order).is_complete
    with pytest.raises(environment.Unfit, match="become: true"):
        environment.look(order._replace(pip_conf=""))


def test_python_that_does_not_run_is_refused(tmp_path):
    with pytest.raises(environment.Unfit, match="there is no Python that runs at"):
        environment.base_of(str(tmp_path / "python3"))


# The calls of pip


def test_pins_have_hashes_and_the_requirements_come_last(order, tmp_path):
    order = order._replace(pins=[*PINS, Pin("werkzeug==3.*", "", [], [])], requirements="/srv/requirements.txt")
    hashed, others, required = environment.calls(order, {}, str(tmp_path))
    assert hashed == ["--require-hashes", "--requirement", f"{tmp_path}/hashed.txt"]
    assert (tmp_path / "hashed.txt").read_text() == "".join(
        f"{pin.requirement} --hash={pin.hashes[0]}\n" for pin in PINS
    )
    assert others == ["--requirement", f"{tmp_path}/others.txt"]
    assert (tmp_path / "others.txt").read_text() == "werkzeug==3.*\n"
    assert required == ["--requirement", "/srv/requirements.txt"]


def test_wheels_that_were_built_elsewhere_are_taken_without_hashes(order, tmp_path):
    assert environment.calls(order._replace(has_hashes=False), {}, str(tmp_path)) == [
        ["--requirement", f"{tmp_path}/others.txt"]
    ]
    assert "--hash" not in (tmp_path / "others.txt").read_text()


def test_a_lock_file_is_installed_as_it_says(order, tmp_path):
    """pip refuses hashes beside a folder, so that comes second. Its dependencies are installed by then."""
    text = "--find-links ./wheels\nblinker==1 --hash=sha256:ab\n.\nflask==3 ; marker --hash=sha256:cd\n"
    order = order._replace(pins=[], requirements="/srv/pylock.toml", requirements_text=text)
    locked, unlocked = environment.calls(order, {"blinker": "1"}, str(tmp_path))
    assert locked == ["--require-hashes", "--no-deps", "--requirement", f"{tmp_path}/locked.txt"]
    assert (tmp_path / "locked.txt").read_text() == (
        "--find-links ./wheels\nblinker==1 --hash=sha256:ab\nflask==3 ; marker --hash=sha256:cd\n"
    )
    assert unlocked == ["--requirement", f"{tmp_path}/unlocked.txt", "--constraint", f"{tmp_path}/same.txt"]
    assert (tmp_path / "unlocked.txt").read_text() == "--find-links ./wheels\n.\n"


def test_another_lock_file_makes_another_environment(order):
    texts = ["flask==3 --hash=sha256:ab\n", "flask==3 --hash=sha256:cd\n"]
    orders = [order._replace(requirements="/srv/pylock.toml", requirements_text=text) for text in texts]
    assert orders[0].identity != orders[1].identity


def test_damage_is_repaired_with_the_same_versions(order, tmp_path):
    order = order._replace(requirements="/srv/requirements.txt")
    _hashed, required = environment.calls(order, {"markdown": "3.9"}, str(tmp_path))
    assert required[2:] == ["--constraint", f"{tmp_path}/same.txt"]
    assert (tmp_path / "same.txt").read_text() == "markdown==3.9\n"


def test_pip_gets_the_variables_of_the_run_without_folders_of_root():
    roots = {"HOME": "/root", "XDG_CACHE_HOME": "/root/c", "PIP_CACHE_DIR": "/root/p", "TMPDIR": "/root/t"}
    assert environment.variables({"http_proxy": "x", "PIP_INDEX_URL": "y", **roots}, "/work/home") == {
        "http_proxy": "x",
        "PIP_INDEX_URL": "y",
        "HOME": "/work/home",
        "TMPDIR": "/work/home",
        "USER": environment.USER,
        "LOGNAME": environment.USER,
        "PIP_NO_CACHE_DIR": "1",
    }


# Copies for the user


@pytest.fixture
def public():
    """A folder that every user can enter. pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(os.path.realpath(folder))


def made(folder, files):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")


def test_user_gets_copies_of_what_it_cannot_read_and_of_projects(order, public, monkeypatch):
    made(
        public, ["open/wheels/x.whl", "shut/wheels/y.whl", "open/ca.pem", "open/key.pem", "app/lib/setup.py", "z.conf"]
    )
    for name in environment.READ_BY_VARIABLE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(public / "z.conf"))
    (public / "z.conf").chmod(0o600)
    (public / "shut").chmod(0o750)
    (public / "open" / "key.pem").chmod(0o600)
    (public / "app" / "requirements.txt").write_text(f"./lib\n{public}/shut/wheels/y.whl\n", encoding="utf-8")
    reads = [str(public / name) for name in ("open/wheels", "shut/wheels", "open/ca.pem", "open/key.pem", "missing")]
    order = order._replace(requirements=str(public / "app" / "requirements.txt"), reads=reads)
    copied = environment.paths_to_copy(order)
    assert copied == [str(public / name) for name in ("app/lib", "open/key.pem", "shut/wheels", "z.conf")]
    assert environment.to_show(copied) == [str(public / name) for name in ("app/lib", "open/key.pem", "shut", "z.conf")]


def test_folder_with_a_file_that_the_user_cannot_read_is_copied(public):
    made(public, ["wheels/x.whl", "wheels/y.whl"])
    assert environment.is_public(str(public / "wheels"))
    (public / "wheels" / "y.whl").chmod(0o640)
    assert not environment.is_public(str(public / "wheels"))
    (public / "wheels" / "y.whl").chmod(0o644)
    (public / "wheels").chmod(0o754)
    assert not environment.is_public(str(public / "wheels"))


def test_link_in_a_closed_folder_is_copied_with_the_file(order, public):
    made(public, ["elsewhere/r.txt", "shut/app/x"])
    (public / "elsewhere" / "r.txt").chmod(0o600)
    (public / "shut").chmod(0o700)
    (public / "shut" / "app" / "requirements.txt").symlink_to(public / "elsewhere" / "r.txt")
    copied = environment.paths_to_copy(order._replace(requirements=str(public / "shut" / "app" / "requirements.txt")))
    assert copied == [str(public / "elsewhere" / "r.txt"), str(public / "shut" / "app" / "requirements.txt")]


def test_no_mount_is_inside_another(public):
    made(public, ["shut/app/requirements.txt", "shut/venv/x", "open/venv/x"])
    (public / "shut").chmod(0o700)
    paths = [str(public / name) for name in ("shut/app/requirements.txt", "shut/venv", "open", "open/venv")]
    assert environment.to_show(paths) == [str(public / "open"), str(public / "shut")]


def test_unit_has_only_known_directives_and_hides_no_needed_folder():
    old = environment.unit_text(["/usr/bin/python3", "a b%"], 219, ["/opt/env", ""])
    assert 'ExecStart="/usr/bin/python3" "a b%%"\n' in old
    assert {"NoNewPrivileges=yes", "ProtectSystem=full", "ProtectHome=yes", "PrivateTmp=yes"} <= set(old.splitlines())
    assert "strict" not in old and "OOMPolicy" not in old
    new = environment.unit_text(["/usr/bin/python3"], 252, ["/home/ann/env", "/tmp/requirements.txt"])
    assert {"ProtectSystem=strict", "OOMPolicy=continue"} <= set(new.splitlines())
    assert "ProtectHome" not in new and "PrivateTmp" not in new


# Copying the environment


@pytest.fixture
def taken(tmp_path, base):
    """Copies an environment to which a test has added files. Returns the copy."""

    def take(hostile):
        source = fill(tmp_path / "source", base)
        hostile(source)
        environment.take_over(str(source), str(tmp_path / "env"), ME, base.executable)
        return tmp_path / "env"

    return take


def paths(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_copy_has_all_that_an_environment_needs(taken, tmp_path, base):
    def compiled(source):
        os.utime(source / "lib/python3.9/site-packages/flask.py", (7, 7))

    env = taken(compiled)
    assert paths(env) == {
        "bin",
        "bin/python3",
        "lib",
        "lib/python3.9",
        "lib/python3.9/site-packages",
        "lib/python3.9/site-packages/flask-3.1.3.dist-info",
        "lib/python3.9/site-packages/flask-3.1.3.dist-info/RECORD",
        "lib/python3.9/site-packages/flask.py",
        "lib64",
        "pyvenv.cfg",
    }
    assert os.readlink(env / "bin/python3") == base.executable
    assert os.readlink(env / "lib64") == "lib"
    assert (env / "lib/python3.9/site-packages/flask.py").stat().st_mtime == 7
    assert [path for path in (tmp_path / "source").rglob("*") if path.is_file() and not path.is_symlink()] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o4755, 0o755), (0o2755, 0o755), (0o6777, 0o755), (0o666, 0o644), (0o600, 0o644), (0o700, 0o755), (0, 0o644)],
)
def test_file_is_readable_for_all_writable_for_its_owner_and_never_set_uid(taken, before, after):
    def add(source):
        (source / "bin" / "x").touch()
        (source / "bin" / "x").chmod(before)
        (source / "bin").chmod(0o777 | stat.S_ISVTX | stat.S_ISGID)

    if ME != 0 and not before & stat.S_IRUSR:
        before |= stat.S_IRUSR  # root reads any file
    env = taken(add)
    assert stat.S_IMODE((env / "bin" / "x").stat().st_mode) == after
    assert stat.S_IMODE((env / "bin").stat().st_mode) == 0o755


def test_open_file_and_hard_link_do_not_lead_to_the_copy(taken, tmp_path):
    handles = []

    def add(source):
        handles.append(os.open(source / "bin" / "x", os.O_WRONLY | os.O_CREAT))
        os.link(source / "bin" / "x", tmp_path / "outside")

    env = taken(add)
    os.write(handles[0], b"changed")
    os.close(handles[0])
    (tmp_path / "outside").write_text("changed", encoding="utf-8")
    assert (env / "bin" / "x").read_text(encoding="utf-8") == ""


def test_link_out_of_the_environment_stays_behind(taken, tmp_path, base):
    (tmp_path / "outside").mkdir()
    links = {
        "absolute": str(tmp_path / "outside"),
        "relative": "../../outside",
        "folder": str(tmp_path),
        "through_folder": "folder/outside",
        "down/up": "../..",
        "through_link": "lib64/../../../outside",
        "dangling_out": "/no/such/file",
        "own": "python3",
        "dangling_in": "nothing",
        "loop": "loop",
        "interpreter": base.executable,
    }

    def add(source):
        (source / "bin" / "down").mkdir()
        for name, target in links.items():
            (source / "bin" / name).symlink_to(target)

    env = taken(add)
    assert {str(path.relative_to(env / "bin")) for path in (env / "bin").rglob("*")} == {
        "python3",
        "down",
        "down/up",
        "own",
        "dangling_in",
        "loop",
        "interpreter",
    }


def test_special_files_stay_behind(taken):
    def add(source):
        os.mkfifo(source / "bin" / "fifo")
        here = os.getcwd()
        os.chdir(source / "bin")  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
        os.chdir(here)

    assert not paths(taken(add)) & {"bin/fifo", "bin/socket"}


def test_files_of_other_users_stay_behind(tmp_path, base):
    """Such a file is a hard link to another user's file, and the copy would be readable for every user."""
    fill(tmp_path / "source", base)
    environment.take_over(str(tmp_path / "source"), str(tmp_path / "env"), ME + 1, base.executable)
    assert not (tmp_path / "env").exists()


def test_pip_conf_of_the_user_is_not_copied(taken):
    def add(source):
        (source / "pip.conf").write_text("index-url = http://me:secret@host", encoding="utf-8")

    assert "pip.conf" not in paths(taken(add))


def test_folders_that_could_not_be_removed_again_are_refused(taken):
    def add(source):
        here = os.getcwd()
        os.chdir(source)
        for _count in range(201):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(here)

    with pytest.raises(environment.Unfit, match="more than 200 folders"):
        taken(add)


def test_hostile_list_of_files_does_not_end_the_run(tmp_path, order):
    metadata = fill(order.folder, order.base) / "lib/python3.9/site-packages/flask-3.1.3.dist-info"
    (metadata / "RECORD").write_text("x" * 200_000 + ",,\n/etc/passwd,,\n../../../../../etc/passwd,,\n")
    environment.seal(order, order.folder)
    assert json.loads((tmp_path / "env" / installed.NOTE).read_text())["distributions"] == {"flask-3.1.3.dist-info": {}}


# Making


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with systemd. A function of the test does the unit's work: its argument is the job."""

    class Machine:
        work = None
        jobs: list = []

        def run_unit(self, command, _order):
            with open(command[-1], encoding="utf-8") as file:
                self.jobs.append(json.load(file))
            return self.work(self.jobs[-1])

    machine = Machine()
    machine.jobs = []
    monkeypatch.setattr(environment, "WORK", str(tmp_path / "work"))
    monkeypatch.setattr(environment, "run_unit", machine.run_unit)
    monkeypatch.setattr(environment, "clear", lambda: shutil.rmtree(tmp_path / "work", ignore_errors=True))
    monkeypatch.setattr(environment, "user_of", lambda _name: pwd.getpwuid(ME))
    is_folder = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/run/systemd/system" or is_folder(path))
    monkeypatch.setenv("HOME", str(tmp_path / "root"))
    return machine


def sources(job):
    return {target: source for source, target in job["shown"]}


def test_environment_is_made_elsewhere_and_replaces_the_former_when_it_is_complete(order, env, machine, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ".netrc").write_text("machine x", encoding="utf-8")
    (env / "lib/python3.9/site-packages/flask.py").unlink()

    def work(job):
        assert not (env / "lib/python3.9/site-packages/flask.py").exists()
        assert stat.S_IMODE(os.stat(tmp_path / "work").st_mode) == 0o710
        assert pathlib.Path(job["environment"]["HOME"], ".netrc").read_text(encoding="utf-8") == "machine x"
        fill(str(tmp_path / "work" / "tree") + order.folder, order.base)
        return 0

    machine.work = work
    environment.build_as_user(order, {})
    assert environment.look(order)[:2] == (True, True)
    assert machine.jobs[0]["user"] == [ME, pwd.getpwuid(ME).pw_gid]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env", "python3.9", "root"]


def test_failure_keeps_the_former_environment_and_returns_pip_s_output(order, env, machine, tmp_path):
    def work(job):
        pathlib.Path(job["stderr"]).write_text("ERROR: no", encoding="utf-8")
        return 1

    machine.work = work
    with pytest.raises(environment.PipFailed) as failed:
        environment.build_as_user(order, {})
    assert (failed.value.rc, failed.value.stderr, failed.value.stdout) == (1, "ERROR: no", "")
    assert environment.look(order).is_complete
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env", "python3.9"]


def test_failure_leaves_no_folder_that_was_not_there(order, machine, tmp_path):
    machine.work = lambda job: -9
    with pytest.raises(environment.PipFailed) as failed:
        environment.build_as_user(order, {})
    assert failed.value.rc == -9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["python3.9"]


def test_full_disk_keeps_no_part_of_the_new_environment(order, machine, monkeypatch, tmp_path):
    def take_over(_source, target, *_owner):
        os.makedirs(target)
        raise OSError(errno.ENOSPC, "No space left on device")

    machine.work = lambda job: 0
    monkeypatch.setattr(environment, "take_over", take_over)
    with pytest.raises(OSError, match="No space left on device"):
        environment.build_as_user(order, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["python3.9"]


def test_without_systemd_root_installs_nothing(order, monkeypatch):
    monkeypatch.setattr(os.path, "isdir", lambda _path: False)
    with pytest.raises(environment.Unfit, match="become_user"):
        environment.build_as_user(order, {})


def test_program_that_made_no_environment_is_reported_with_its_last_line(tmp_path):
    (tmp_path / "stderr").write_text("x\nno ensurepip\n", encoding="utf-8")
    with pytest.raises(environment.Unfit, match=r"^no ensurepip$"):
        environment.judge(pip_job.NOT_MADE, str(tmp_path))


class Systemd:
    """Answers the calls of systemctl. `says` are the properties of the unit, and `fails` makes its start fail."""

    def __init__(self, says="", fails=False):
        self.calls = []
        self.says, self.fails = says, fails

    def __call__(self, *arguments):
        self.calls.append(arguments[1])
        if arguments[1] == "start" and self.fails:
            raise manager.Failed("systemctl start: it failed")
        return {"--version": "systemd 252 (252.39-1~deb12u2)\n+PAM", "show": self.says}.get(arguments[1], "")


@pytest.mark.parametrize(
    ("says", "fails", "rc"),
    [
        ("", False, 0),
        ("ExecMainCode=1\nExecMainStatus=3\n", True, 3),
        ("ExecMainCode=2\nExecMainStatus=9\n", True, -9),
    ],
)
def test_unit_is_stopped_before_its_work_is_taken(order, monkeypatch, tmp_path, says, fails, rc):
    systemd = Systemd(says, fails)
    monkeypatch.setattr(manager, "call", systemd)
    monkeypatch.setattr(environment, "WORK", str(tmp_path))
    monkeypatch.setattr(environment, "UNIT_FILE", str(tmp_path / "unit.service"))
    monkeypatch.setattr(environment.unit_files.os, "fchown", lambda *_arguments: None)
    (tmp_path / "stderr").touch()
    assert environment.run_unit(["/usr/bin/python3", "x"], order) == rc
    assert systemd.calls[:4] == ["--version", "daemon-reload", "start", "stop"]
    assert 'ExecStart="/usr/bin/python3" "x"\n' in (tmp_path / "unit.service").read_text(encoding="utf-8")


def test_unit_that_does_not_start_is_reported_as_systemd_does(order, monkeypatch, tmp_path):
    monkeypatch.setattr(manager, "call", Systemd(fails=True))
    monkeypatch.setattr(environment, "WORK", str(tmp_path))
    monkeypatch.setattr(environment, "UNIT_FILE", str(tmp_path / "unit.service"))
    monkeypatch.setattr(environment.unit_files.os, "fchown", lambda *_arguments: None)
    with pytest.raises(manager.Failed, match="systemctl start: it failed"):
        environment.run_unit(["/usr/bin/python3", "x"], order)
