"""The scripts that roles run by `raw`, because Python may be missing: in every installed sh, with and without curl."""

from __future__ import annotations

import http.server
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading
import time

import jinja2
import pytest
from ansible.plugins.filter import core, urlsplit
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import unit_options
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver.machine import (
    endpoint_of_unit,
    facts,
    former_ports,
    page_elsewhere,
)
from ansible_collections.flasklaunch.ec2.tests.unit.roles.rendered import render

ROLES = pathlib.Path(__file__).parents[3] / "roles"
SHELLS = [path for path in map(shutil.which, ("dash", "bash")) if path]
TOOLS = ("bash", "cat", "grep", "hostname", "ip", "sed", "timeout", "tr")


def run(template, shell, path=None, status=0, **variables):
    """Run a role's template as `raw` does, and return the lines of its output."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(core.FilterModule().filters() | urlsplit.FilterModule().filters())
    script = environment.from_string((ROLES / template).read_text(encoding="utf-8")).render(variables)
    env = {"PATH": path or "/usr/bin:/bin:/usr/sbin:/sbin", "http_proxy": "http://127.0.0.1:9"}
    done = subprocess.run([shell, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout.splitlines()


def install(shell, folder, status, manager="yum", text=""):
    """Return the output of the python3 role's script if there is no Python, and the package manager ends like this."""
    programs = {manager: text or f'echo "{manager} got: $*"; exit {status}', "id": "echo 0", "python9": "exit 1"}
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    variables = {"python3_packages": ["python3"], "python3_yum_options": [], "python3_interpreters": ["python9"]}
    variables = {f"__{name}": value for name, value in variables.items()}
    return run(
        "python3/templates/bootstrap.sh.j2",
        shell,
        str(folder),
        1 if status else 0,
        ansible_check_mode=False,
        **variables,
    )


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture(params=[("curl",), ()], ids=["curl", "no curl"])
def path(request, tmp_path):
    """A PATH with only the programs that every machine has, with or without curl."""
    for tool in (*TOOLS, *request.param):
        found = shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin") or pytest.skip(f"{tool} is not installed")
        (tmp_path / tool).symlink_to(found)
    return str(tmp_path)


class Metadata(http.server.BaseHTTPRequestHandler):
    """Instance metadata service, version 2, below /imds."""

    def answer(self, status, body=""):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        asked = self.path == "/imds/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self.answer(*(200, "AQAEA%s==") if asked == "60" else (403,))

    def do_GET(self):
        known = self.headers.get("X-aws-ec2-metadata-token") == "AQAEA%s=="
        found = known and self.path == "/imds/latest/meta-data/instance-id"
        self.answer(*(200, "i-0123456789abcdef0") if found else (401, "i-wrong"))

    def log_message(self, *_args):
        pass


@pytest.fixture
def metadata_url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/imds"
    server.shutdown()
    server.server_close()


def identify(shell, path=None, url=""):
    return run("security_group/templates/identify.sh.j2", shell, path, security_group_metadata_url=url)


def reach(shell, host, port, python="/nowhere/python3"):
    first_stop = {"host": host, "port": port}
    return run("flask/templates/reach.sh.j2", shell, flask_python=python, __flask_first_stop=first_stop)


@pytest.fixture
def link(network):
    """Makes network interfaces in the network of the test."""

    def link(name, address):
        for words in (
            f"link add {name} type veth peer name {name}-far",
            f"link set {name} up",
            f"link set {name}-far up",
            f"address add {address} dev {name}",
        ):
            subprocess.run(["ip", *words.split()], check=True)

    return link


def route(words):
    subprocess.run(["ip", "route", "add", *words.split()], check=True)


def test_instance_id_by_token(shell, path, metadata_url):
    assert "security_group: instance i-0123456789abcdef0" in identify(shell, path, metadata_url)


def test_service_that_refuses_gives_no_instance_id(shell, path, metadata_url):
    assert not any("instance" in line for line in identify(shell, path, metadata_url.replace("/imds", "")))


def test_no_metadata_service_is_waited_for_two_seconds(path):
    """A service that accepts the connection and never answers takes longest. A refusal, or no route, takes no time."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        said = identify("/bin/sh", path, f"http://127.0.0.1:{mute.getsockname()[1]}")
        assert 1.5 < time.monotonic() - begin < 4
    assert not any("instance" in line for line in said)


def test_address_is_the_default_route_s(shell, link):
    link("container0", "10.1.0.5/24")
    link("first", "10.2.0.5/24")
    link("second", "10.3.0.5/24")
    route("default via 10.3.0.1 metric 200")
    route("default via 10.2.0.1 metric 100")
    assert identify(shell) == ["security_group: address 10.2.0.5"]


def test_address_is_the_interface_s_first_one(shell, link):
    link("first", "10.2.0.5/24")
    subprocess.run(["ip", "address", "add", "10.2.0.6/24", "dev", "first"], check=True)
    route("default via 10.2.0.1")
    assert identify(shell) == ["security_group: address 10.2.0.5"]


def test_only_address_needs_no_default_route(shell, link):
    link("first", "10.2.0.5/24")
    assert identify(shell) == ["security_group: address 10.2.0.5"]


def test_nothing_is_guessed_among_several_addresses_without_a_default_route(shell, link):
    link("first", "10.2.0.5/24")
    link("second", "10.3.0.5/24")
    assert identify(shell) == []


def test_reachable_host_prints_nothing(shell):
    with socket.create_server(("127.0.0.1", 0)) as index:
        assert reach(shell, "127.0.0.1", index.getsockname()[1]) == []


def test_refusal_is_reported(shell):
    with socket.create_server(("127.0.0.1", 0)) as index:
        port = index.getsockname()[1]
    assert reach(shell, "127.0.0.1", port) == ["flask: cannot reach: Connection refused"]


def test_unknown_name_is_reported(shell):
    (said,) = reach(shell, "no-such-host.invalid", 80)
    assert said.startswith("flask: cannot reach: ")
    assert "name" in said.lower()


def test_unreachable_network_is_reported(shell, network):
    assert reach(shell, "192.0.2.1", 80) == ["flask: cannot reach: Network is unreachable"]


def test_a_host_that_does_not_answer_times_out_after_ten_seconds(link):
    """The host drops all packets. The test has its own network, so that no packets leave the machine."""
    link("first", "10.2.0.5/24")
    subprocess.run(["ip", "neighbour", "add", "10.2.0.9", "lladdr", "02:00:00:00:00:09", "dev", "first"], check=True)
    begin = time.monotonic()
    assert reach("/bin/sh", "10.2.0.9", 80) == ["flask: cannot reach: no answer within 10 seconds"]
    assert 9 < time.monotonic() - begin < 13


def test_machine_that_has_python_and_pip_is_not_asked(shell, tmp_path):
    python = tmp_path / "my python" / "python3"
    python.parent.mkdir()
    python.symlink_to("/bin/sh")
    assert reach(shell, "no-such-host.invalid", 80, str(python)) == []


# iproute2 6.1 on Amazon Linux 2023, with a tunnel added.
IP_SAID = r"""1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \       valid_lft forever preferred_lft forever
2: ens5    inet 172.31.5.9/20 metric 512 brd 172.31.15.255 scope global dynamic ens5\       valid_lft 3012sec
3: tun0    inet 10.0.0.1 peer 10.0.0.2/32 scope global tun0\       valid_lft forever preferred_lft forever
2: ens5    inet6 fe80::42:acff:fe1f:509/64 scope link \       valid_lft forever preferred_lft forever
"""


def machine(shell, folder, path=None, options=None, name="flasklaunch-test", user="nobody", timers=None, site="site"):
    """Return the output of the webserver role's script on this machine, with the units in a folder of the test."""
    variables = {"python": "/usr/bin/python3", "credentials_dir": str(folder / "none"), "unit": f"{name}.service"}
    variables |= {"state": name, "state_dir": str(folder / "state")}
    variables["unit_dir"] = str(folder)
    variables["unit_dirs"] = [str(folder), str(folder / "of_the_system")]
    variables["program_dirs"] = [str(folder / "sbin"), str(folder / "bin")]
    variables = {f"__webserver_{name}": value for name, value in variables.items()}
    return run(
        "webserver/templates/machine.sh.j2",
        shell,
        path,
        webserver_name=name,
        webserver_dir=f"{folder}/{site}",
        webserver_user=user,
        webserver_unit_options=options or {},
        webserver_timers=timers or {},
        **variables,
    )


def test_machine_reports_its_addresses(shell, tmp_path):
    """As the command ip prints them, also those with a peer. Without the command there are none."""
    ip = tmp_path / "ip"
    ip.write_text("#!/bin/sh\ncat <<'E'\n" + IP_SAID + "E\n")
    ip.chmod(0o755)
    said = machine(shell, tmp_path, f"{tmp_path}:/usr/bin:/bin:/usr/sbin:/sbin")
    assert facts("\n".join(said))["addresses"] == [
        "127.0.0.1",
        "::1",
        "172.31.5.9",
        "10.0.0.1",
        "fe80::42:acff:fe1f:509",
    ]
    ip.write_text("#!/bin/sh\nexit 127\n")
    assert facts("\n".join(machine(shell, tmp_path, f"{tmp_path}:/usr/bin:/bin")))["addresses"] == []


@pytest.mark.parametrize("form", ["%s:%d: Unknown key", "[%s:%d] Unknown lvalue"])
def test_machine_reports_which_options_of_a_unit_systemd_would_ignore(shell, tmp_path, form):
    """Only for this unit, with the line. Each option is one line, with any content."""
    analyze = tmp_path / "systemd-analyze"
    analyze.write_text(
        f"#!/bin/sh\ncp $2 {tmp_path}/unit\necho /etc/other.service:4: Unknown\nprintf '{form}\\n' $2 5 >&2"
    )
    analyze.chmod(0o755)
    options = {"Nice": 5, "Environment": "A='b c' \"$HOME\" `id` %s \\n"}
    said = machine(shell, tmp_path, f"{tmp_path}:/usr/bin:/bin:/usr/sbin:/sbin", options)
    (refused,) = unit_options.errors(options, "\n".join(said))
    assert "does not know Environment in" in refused
    lines = (tmp_path / "unit").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "[Service]"
    assert lines[3:] == ["Nice=5", f"Environment={options['Environment']}"]


def test_machine_is_not_asked_for_options_that_are_not_set(shell, tmp_path):
    assert [line for line in machine(shell, tmp_path) if line.startswith("webserver-")] == []


@pytest.mark.parametrize(
    ("unit", "site"),
    [
        ("WorkingDirectory=/opt/one/current/app\n", ["webserver: site /opt/one"]),
        ("WorkingDirectory=/opt/one/current/app/src\n", ["webserver: site /opt/one"]),
        ("WorkingDirectory=/home/ec2-user\n", ["webserver: site ?"]),
        ("ExecStart=/usr/bin/python3 webserver.py\n", ["webserver: site ?"]),
        (None, []),
    ],
)
def test_machine_reports_whose_unit_it_has(shell, tmp_path, unit, site):
    if unit:
        (tmp_path / "flasklaunch-test.service").write_text(f"[Service]\n{unit}Restart=always\n")
    said = machine(shell, tmp_path)
    assert [line for line in said if " site " in line] == site


def test_machine_reports_which_program_has_the_name_of_the_site(shell, tmp_path):
    def found():
        return facts("\n".join(machine(shell, tmp_path))).get("program")

    assert found() is None
    for name in ("sbin", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "flasklaunch-test").write_bytes(b"\x7fELF\0")
    assert found() == str(tmp_path / "bin" / "flasklaunch-test")
    (tmp_path / "sbin" / "flasklaunch-test").write_text(render("webserver.sh", 252, webserver_dir=f"{tmp_path}/site"))
    assert found() == "ours"
    (tmp_path / "sbin" / "flasklaunch-test").write_text(render("webserver.sh", 252, webserver_dir=f"{tmp_path}/site2"))
    assert found() == str(tmp_path / "sbin" / "flasklaunch-test"), "another site has this name"


def test_machine_reports_the_processes_and_timers_of_the_site(shell, tmp_path):
    """Not its templates, and not those of a site whose name begins as this one's."""
    own, other = (f"[Service]\nWorkingDirectory={tmp_path}/{site}/current/app\n" for site in ("site", "site-b"))
    for name in ("worker@1.service", "timer@nightly.service", "timer@nightly.timer", "gate@.service"):
        (tmp_path / f"flasklaunch-test-{name}").write_text(own)
    (tmp_path / "flasklaunch-test-b-worker@1.service").write_text(other)
    said = "\n".join(machine(shell, tmp_path))
    names = ["timer@nightly.service", "timer@nightly.timer", "worker@1.service"]
    assert facts(said)["processes"] == [f"flasklaunch-test-{name}" for name in names]
    assert facts("\n".join(machine(shell, tmp_path / "site")))["processes"] == []
    assert facts("\n".join(machine(shell, tmp_path, site="site/")))["processes"] == facts(said)["processes"]


@pytest.mark.parametrize("form", ["%s:2: ", "[%s:2] "])
def test_machine_reports_calendars_that_systemd_cannot_read(shell, tmp_path, form):
    """As systemd 252 and 219 report them."""
    analyze = tmp_path / "systemd-analyze"
    analyze.write_text(
        "#!/bin/sh\nshift\nfor file; do ! grep -q 25:00 $file ||"
        f" printf '{form}Failed to parse calendar specification, ignoring: x\\n' $file; done >&2\n"
    )
    analyze.chmod(0o755)
    times = {"nightly": "*-*-* 25:00", "daily": "daily"}
    timers = {name: {"command": "x", "calendar": calendar} for name, calendar in times.items()}
    said = "\n".join(machine(shell, tmp_path, f"{tmp_path}:/usr/bin:/bin:/usr/sbin:/sbin", timers=timers))
    assert facts(said)["no_calendars"] == ["nightly"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this control node has no systemd")
def test_calendars_as_the_systemd_here_reads_them(shell, tmp_path):
    times = {"a": "daily", "b": "every tuesday", "c": "*-*-* 25:00", "d": "Mon..Fri 09:00", "e": "*:0/15"}
    timers = {name: {"command": "x", "calendar": calendar} for name, calendar in times.items()}
    assert facts("\n".join(machine(shell, tmp_path, timers=timers)))["no_calendars"] == ["b", "c"]


def test_machine_reports_a_unit_of_the_system_with_the_name(shell, tmp_path):
    """Such a unit can be in another folder than that of the role's units."""
    unit = tmp_path / "of_the_system" / "flasklaunch-test.service"
    unit.parent.mkdir()
    unit.write_text("[Service]\nExecStart=/usr/sbin/test\n")
    said = machine(shell, tmp_path)
    assert [line.split()[1:] for line in said if " unit " in line or " site " in line] == [
        ["unit", str(unit)],
        ["site", "?"],
    ]


def test_machine_reports_another_owner_of_the_folder(shell, tmp_path):
    said = machine(shell, tmp_path, name="lock")
    assert [line for line in said if " folder " in line] == ["webserver: folder /run/lock"]


ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("has_data", "user", "options", "unit", "owner"),
    [
        (True, "nobody", {}, None, ME),
        (True, "nobody", {}, "StateDirectory=flasklaunch-test\n", ME),  # the site has another user now
        (True, ME, {}, None, None),
        (True, ME, {}, "StateDirectory=flasklaunch-test\n", None),
        (True, "nobody", {"StateDirectory": "other"}, None, None),
        (None, "nobody", {}, None, None),
    ],
)
def test_machine_reports_data_that_systemd_would_take_from_its_owner(
    shell, tmp_path, has_data, user, options, unit, owner
):
    if has_data:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "shop.db").touch()
    if unit:
        (tmp_path / "flasklaunch-test.service").write_text("[Service]\n" + unit)
    said = machine(shell, tmp_path, options=options, user=user)
    wanted = [f"webserver: state {tmp_path}/state", f"webserver: state-owner {owner}"] if owner else []
    assert [line for line in said if " state" in line] == wanted


def test_an_empty_folder_for_the_data_is_nobodys(shell, tmp_path):
    """For example a new disk."""
    (tmp_path / "state" / "lost+found").mkdir(parents=True)
    assert [line for line in machine(shell, tmp_path) if " state" in line] == []


@pytest.mark.parametrize(
    ("files", "user", "remove", "status", "stays"),
    [
        (["shop.db"], ME, False, 1, True),
        (["shop.db", "uploads/a"], ME, True, 0, False),
        ([], ME, False, 0, False),
        (["shop.db"], "nobody", True, 0, True),
        (None, ME, True, 0, False),
    ],
)
def test_data_are_removed_only_if_this_is_wanted(shell, tmp_path, files, user, remove, status, stays):
    state = tmp_path / "state"
    for file in files or []:
        (state / file).parent.mkdir(parents=True, exist_ok=True)
        (state / file).touch()
    if files == []:
        state.mkdir()
    variables = dict(__webserver_state_dir=str(state), webserver_user=user, webserver_remove_data=remove)
    said = run("webserver/templates/remove_data.sh.j2", shell, status=status, **variables)
    assert ("removed" in said, state.exists()) == (files is not None and not stays, stays)


@pytest.mark.parametrize("host", ["0.0.0.0", "::1"])
@pytest.mark.parametrize(
    ("server", "source"), [("gunicorn", ""), ("gunicorn", "my-app"), ("flask", ""), ("flask", "my-app")]
)
def test_machine_reports_where_the_unit_listens(shell, tmp_path, server, source, host):
    """It does not depend on the order of the files, or on the port of a release that the unit does not use."""
    has_socket, is_page = server == "gunicorn", server == "flask" and not source
    chosen = {"webserver_host": host, "webserver_port": 5001, "webserver_app_src": source}
    chosen |= {"__webserver_has_socket": has_socket, "__webserver_host_in_url": f"[{host}]" if ":" in host else host}
    if has_socket:
        (tmp_path / "flasklaunch-test.socket").write_text(render("webserver.socket", 252, **chosen))
    (tmp_path / "flasklaunch-test.service").write_text(render("webserver.service", 252, **chosen))
    for release, port in ("4f1c", 5001 if is_page else 5002), ("77aa", 5003):
        page = tmp_path / "site" / "releases" / release / "app" / "webserver.py"
        page.parent.mkdir(parents=True)
        page.write_text(render("webserver.py", 252, **{**chosen, "webserver_port": port}))
    (tmp_path / "site" / "current").symlink_to(tmp_path / "site" / "releases" / "4f1c")
    said = "\n".join(machine(shell, tmp_path))
    assert endpoint_of_unit(said, "", 0) == {"host": host, "port": 5001}
    assert former_ports(said, []) == [5001]
    assert [page_elsewhere(said, release) != "" for release in ("4f1c", "77aa")] == [False, is_page]


@pytest.mark.parametrize(
    ("family", "host", "is_for_others"),
    [
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET6, "::", True),
        (socket.AF_INET, "127.0.0.1", False),
        (socket.AF_INET6, "::1", False),
    ],
)
def test_machine_reports_the_noted_ports_at_which_nothing_listens_for_others(
    shell, tmp_path, family, host, is_for_others
):
    assert [line for line in machine(shell, tmp_path) if "port " in line] == []
    (tmp_path / "site").mkdir()
    with socket.socket(family) as used, socket.socket(family) as free:
        for each in (used, free):
            each.bind((host, 0))
        used.listen()
        ports = [each.getsockname()[1] for each in (used, free)]
        (tmp_path / "site" / "former_ports").write_text(" ".join(map(str, ports)))
        noted = [line for line in machine(shell, tmp_path) if "port " in line]
    assert noted == [f"webserver: former-port {port}" for port in (ports[1:] if is_for_others else ports)]


def test_apt_reads_its_lists_waits_for_its_lock_and_installs_venv_too(shell, tmp_path):
    lines = install(shell, tmp_path, 0, "apt-get")
    assert lines == [
        "python3: missing python3 python3-venv",
        "apt-get got: -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install python3 python3-venv",
    ]


def test_apt_waits_while_another_program_reads_its_lists(shell, tmp_path):
    """The first two tries fail, with the message of apt 2.6.1."""
    count = tmp_path / "count"
    apt = f"""case $* in *install*) echo installed; exit 0 ;; esac
echo x >> {count}
[ "$(wc -l < {count})" -gt 2 ] || {{ echo "E: Could not get lock /var/lib/apt/lists/lock." >&2; exit 100; }}"""
    (tmp_path / "sleep").write_text(f"#!/bin/sh\necho slept >> {count}.slept\n")
    (tmp_path / "sleep").chmod(0o755)
    (tmp_path / "wc").symlink_to("/usr/bin/wc")
    assert install(shell, tmp_path, 0, "apt-get", apt) == ["python3: missing python3 python3-venv", "installed"]
    assert (tmp_path / "count.slept").read_text() == "slept\nslept\n"


def test_machine_without_a_package_manager_is_refused(shell, tmp_path):
    (line,) = install(shell, tmp_path, 1, "zypper")
    assert "This machine needs python3, and it has no yum and no apt-get." in line


def test_apt_that_cannot_read_its_lists_installs_nothing(shell, tmp_path):
    failed = install(shell, tmp_path, 100, "apt-get")
    assert failed[1] == "apt-get got: -q update"
    assert failed[2].startswith("python3: failed: apt-get could not install python3 python3-venv. Check the machine's")


def test_yum_that_is_killed_differs_from_one_that_fails(shell, tmp_path):
    killed, failed = install(shell, tmp_path, 137), install(shell, tmp_path, 1)
    assert killed[:2] == failed[:2] == ["python3: missing python3", "yum got: -y install python3"]
    assert killed[2].startswith(
        "python3: failed: yum was killed while it installed python3, most often because memory ran out"
    )
    assert failed[2].startswith(
        "python3: failed: yum could not install python3. Check the machine's way to its package"
    )
