"""Each test breaks one thing on the machine, checks that the diagnosis names exactly that, and repairs it."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess

import boto3
import pytest

ROOT = pathlib.Path(__file__).parents[3]
INVENTORY = ROOT / "molecule" / "diagnosis" / "inventory"
MACHINE = "flasklaunch-molecule-diagnosis-patient"
APPLICATION = "/opt/webserver/current/app/webserver.py"
RESTART = "(systemctl reset-failed webserver; systemctl restart webserver)"


def on_machine(script, check=True):
    command = ["docker", "exec", "-i", MACHINE, "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def address():
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.check_output(["docker", "inspect", "--format", template, MACHINE], text=True).strip()


class Result:
    """A run of the playbook: its exit code, its text and the JSON that it wrote."""

    def __init__(self, done, diagnosis):
        self.status, self.output = done.returncode, done.stdout + done.stderr
        self.diagnosis = diagnosis
        self.hops = {hop["hop"]: hop for hop in diagnosis["hops"]}

    def verdicts(self, verdict):
        return [hop["hop"] for hop in self.diagnosis["hops"] if hop["verdict"] == verdict and not hop["symptom"]]


@pytest.fixture
def unreachable(tmp_path):
    """An inventory in which the machine has an address without an ssh server."""
    inventory = tmp_path / "unreachable"
    shutil.copytree(INVENTORY, inventory)
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars" / "patient.yml").write_text(
        "ansible_ssh_common_args: ''\nansible_host: 127.0.0.1\nansible_port: 1\nansible_become: false\n"
    )
    return inventory


def playbook(name, inventory=INVENTORY, **variables):
    extra = ["-i", str(inventory), "-e", json.dumps(variables)]
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1"}
    command = ["ansible-playbook", f"playbooks/{name}.yml", *extra]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def diagnose(address, tmp_path):
    """Diagnose the machine's own address, without docker's proxy, which accepts connections for a dead machine too."""

    def diagnose(inventory=INVENTORY, **variables):
        files = {f"diagnosis_{kind}": str(tmp_path / f"diagnosis.{kind}") for kind in ("json", "html")}
        url = f"http://{address}:5000/"
        done = playbook("diagnose", inventory, **{"diagnosis_url": url, "diagnosis_timeout": 2, **files, **variables})
        assert (tmp_path / "diagnosis.json").exists(), done.stdout + done.stderr
        (diagnosis,) = json.loads((tmp_path / "diagnosis.json").read_text())["hosts"]
        return Result(done, diagnosis)

    return diagnose


@contextlib.contextmanager
def broken(script, fix):
    """Run a shell script on the machine, and another one, which repairs it, at the end."""
    try:
        on_machine(script)
        yield
    finally:
        on_machine(fix)


def drop_in(command, kind="notify"):
    """Give the unit another command line until the end of the test."""
    folder = "/etc/systemd/system/webserver.service.d"
    text = f"[Service]\nType={kind}\nExecStart=\nExecStart={command}\n"
    write = f"mkdir -p {folder} && printf '%s' '{text}' > {folder}/test.conf && systemctl daemon-reload"
    restore = f"rm -r {folder} && systemctl daemon-reload && {RESTART}"
    return broken(f"{write} && systemctl restart webserver", restore)


def gunicorn(options):
    return drop_in(f"/opt/webserver/current/venv/bin/gunicorn --preload --no-control-socket {options} webserver:app")


def firewall(rule):
    """Add a table with one rule until the end of the test."""
    rules = f"add table inet t; add chain inet t i {{ type filter hook input priority 0; }}; add rule inet t i {rule}"
    return broken(f"nft '{rules}'", "nft delete table inet t")


STOPPED = "systemctl stop webserver", "systemctl start webserver"


def test_D24_a_healthy_site(diagnose, address):
    result = diagnose()
    assert result.status == 0, result.output
    assert result.diagnosis["verdict"] == "reachable"
    assert (result.diagnosis["first_broken_hop"], result.diagnosis["broken_hops"]) == (None, [])
    expected = ["dns", "tcp", "host_firewall", "listener", "bound_address", "accept_queue", "unit", "selinux"]
    assert result.verdicts("ok") == [*expected, "http", "application"]
    assert result.verdicts("unknown") == []
    assert result.diagnosis["open"] == f"http://{address}:5000/"
    assert f"http://{address}:5000/: The site can be reached." in result.output
    assert result.diagnosis["cause"] is None
    assert "Written: " in result.output


def test_a_url_without_the_port(diagnose, address):
    result = diagnose(diagnosis_url=f"http://{address}/")
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["dns"]
    assert result.diagnosis["open"] == f"http://{address}:5000/"


PROXY = """
import http.server, urllib.request
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = urllib.request.urlopen("http://127.0.0.1:5000" + self.path).read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
http.server.ThreadingHTTPServer(("0.0.0.0", 80), Proxy).serve_forever()
"""


def test_a_proxy_in_front_of_an_application_on_loopback(diagnose, address):
    on_machine(f"cat > /opt/proxy.py <<'E'\n{PROXY}E")
    proxy = "systemd-run --quiet --unit proxy python3 /opt/proxy.py && sleep 1", "systemctl stop proxy"
    with gunicorn("--bind 127.0.0.1:5000"):
        with broken(*proxy):
            result = diagnose(diagnosis_url=f"http://{address}/")
        assert (result.status, result.diagnosis["verdict"]) == (0, "reachable"), result.output
        assert "proxy.service" in result.hops["proxy_listener"]["evidence"]
        result = diagnose(diagnosis_url=f"http://{address}/")
    assert (result.status, result.diagnosis["broken_hops"]) == (2, ["proxy_listener"])


def test_D2_the_unit_is_stopped(diagnose):
    with broken(*STOPPED):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["unit"]
    assert result.diagnosis["saw"] == "refused"
    assert result.hops["unit"]["code"] == "x-UNIT_INACTIVE"
    assert result.diagnosis["fix"] == "sudo systemctl enable --now webserver.service"
    assert "on the machine: sudo systemctl enable --now webserver.service" in result.output
    assert "=> BROKEN" in result.output


def test_D2_the_application_cannot_be_imported(diagnose):
    fix = f"cp /root/application {APPLICATION} && {RESTART}"
    crash = f"cp {APPLICATION} /root/application && sed -i '1i import flsk' {APPLICATION}"
    with broken(f"{crash} && (systemctl restart webserver || true)", fix):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["first_broken_hop"] == "unit"
    assert "ModuleNotFoundError: No module named 'flsk'" in result.diagnosis["cause"]
    assert result.diagnosis["broken_hops"] == ["unit"]


def test_D3_bound_to_loopback(diagnose, address):
    with gunicorn("--bind 127.0.0.1:5000"):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["bound_address"]
    assert result.hops["bound_address"]["code"] == "x-BOUND_TO_LOOPBACK"
    assert address in result.diagnosis["cause"]
    assert result.diagnosis["fix"].startswith("webserver_host: 0.0.0.0")
    # The page itself is served, and the machine's own view shows it.
    assert result.hops["http"]["verdict"] == "ok"
    assert result.hops["http"]["evidence"].startswith("On the machine: ")


V6_ONLY = """
import http.server, socket
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()
Server(("::", 5000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_D3_bound_to_ipv6_only(diagnose):
    on_machine(f"cat > /opt/v6only.py <<'E'\n{V6_ONLY}E")
    with drop_in("/usr/bin/python3 /opt/v6only.py", "simple"):
        on_machine("sleep 1")
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["bound_address"]
    assert result.hops["bound_address"]["code"] == "x-IPV6_ONLY"


def test_D11_another_unit_holds_the_port(diagnose):
    squat = "systemctl stop webserver && systemd-run --quiet --unit squatter python3 -m http.server 5000 && sleep 1"
    fix = f"systemctl stop squatter; {RESTART}"
    with broken(f"{squat} && (systemctl start webserver || true)", fix):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["first_broken_hop"] == "listener"
    assert result.diagnosis["broken_hops"] == ["listener", "unit"]
    assert result.hops["listener"]["code"] == "x-PORT_TAKEN"
    assert "squatter.service" in result.diagnosis["fix"]
    assert "in use" in result.hops["unit"]["evidence"]


@pytest.mark.parametrize(
    ("rule", "code", "saw"),
    [
        ("tcp dport 5000 drop", "x-FIREWALL_DROP", "timed_out"),
        ("tcp dport 5000 reject with tcp reset", "x-FIREWALL_REJECT", "refused"),
        ("tcp dport 5000 reject with icmp type host-prohibited", "x-FIREWALL_REJECT", "no_route"),
    ],
)
def test_D6_the_machine_s_firewall(diagnose, rule, code, saw):
    with firewall(rule):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["host_firewall"]
    assert (result.hops["host_firewall"]["code"], result.diagnosis["saw"]) == (code, saw)
    assert rule.split(" with")[0] in result.diagnosis["cause"]


def test_D6_a_rule_for_this_client_only(diagnose, address):
    client = address.rpartition(".")[0] + ".1"  # docker's bridge
    with firewall(f"ip saddr {client} tcp dport 5000 drop"):
        result = diagnose()
    assert (result.status, result.diagnosis["saw"]) == (2, "timed_out")
    assert result.diagnosis["first_broken_hop"] == "host_firewall"
    assert f"from {client}, which is this client" in result.diagnosis["cause"]


def test_D6_the_fix_for_the_firewall_works(diagnose):
    with firewall("tcp dport 5000 drop"):
        fix = diagnose().diagnosis["fix"]
        on_machine(fix.replace("sudo ", "").partition(" #")[0])
        assert diagnose().status == 0


def test_D14_the_accept_queue_is_full(diagnose, address):
    waiting = []
    with gunicorn("--bind 0.0.0.0:5000 --backlog 2"):
        on_machine("systemctl kill --signal STOP webserver")
        try:
            for _each in range(3):
                waiting.append(socket.create_connection((address, 5000), 5))
            result = diagnose()
        finally:
            for each in waiting:
                each.close()
            on_machine("systemctl kill --signal CONT webserver")
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["accept_queue"]
    assert result.hops["accept_queue"]["code"] == "x-ACCEPT_QUEUE_FULL"
    assert result.diagnosis["saw"] == "timed_out"


def test_two_faults_are_listed_in_the_order_of_the_packet(diagnose):
    with firewall("tcp dport 5000 drop"), broken(*STOPPED):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["host_firewall", "unit"]
    assert result.diagnosis["first_broken_hop"] == "host_firewall"
    assert "Also:  unit: on the machine: sudo systemctl enable --now webserver.service" in result.output


def test_D25_a_machine_that_ssh_does_not_reach(diagnose, unreachable):
    """Only the client's view is known. All other hops are unknown, not ok."""
    result = diagnose(unreachable)
    assert result.status == 0, result.output
    assert result.verdicts("unknown")[:6] == [
        "host_firewall",
        "listener",
        "bound_address",
        "accept_queue",
        "unit",
        "selinux",
    ]
    with broken(*STOPPED):
        result = diagnose(unreachable, diagnosis_ask_aws=True)
    assert result.status == 2
    assert "AWS was not asked: the machine could not be asked for its private address." in result.diagnosis["cause"]
    assert result.diagnosis["fix"].startswith("-e diagnosis_instance_id=")
    assert result.diagnosis["first_broken_hop"] == "tcp"
    assert {"unit", "listener"} <= set(result.diagnosis["suspects"])


def test_a_wrong_scheme_is_reported(diagnose, address):
    result = diagnose(diagnosis_url=f"https://{address}:5000/")
    assert result.status == 2
    assert result.diagnosis["first_broken_hop"] == "tls"
    assert result.diagnosis["open"] == f"http://{address}:5000/"


def test_another_application_s_page_is_reported(diagnose):
    result = diagnose(diagnosis_expected="Goodbye")
    assert result.status == 2
    assert result.diagnosis["first_broken_hop"] == "application"


@pytest.fixture(scope="module")
def ec2():
    return boto3.client(
        "ec2",
        endpoint_url="http://127.0.0.1:15556",
        region_name="us-east-1",
        aws_access_key_id="molecule",
        aws_secret_access_key="molecule",
    )


@contextlib.contextmanager
def shut_group(ec2):
    """Remove the rule for the machine's port from its group until the end of the test."""
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["flask-site"]}])["SecurityGroups"]
    rule = {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_ingress(GroupId=groups[0]["GroupId"], IpPermissions=[rule])
    try:
        yield groups[0]["GroupId"]
    finally:
        ec2.authorize_security_group_ingress(GroupId=groups[0]["GroupId"], IpPermissions=[rule])


def test_D24_aws_and_the_machine_together(diagnose):
    result = diagnose(diagnosis_ask_aws=True)
    assert result.status == 0, result.output
    assert result.diagnosis["verdict"] == "reachable"
    assert {"internet_gateway", "nacl_ingress", "security_group", "route"} <= set(result.verdicts("ok"))
    assert result.verdicts("unknown") == []


def test_D1_the_security_group_and_the_unit(diagnose, ec2):
    with shut_group(ec2) as group, broken(*STOPPED):
        result = diagnose(diagnosis_ask_aws=True)
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["security_group", "unit"]
    assert group in result.hops["security_group"]["resources"]


def test_D25_aws_only(diagnose, unreachable, ec2):
    instance = ec2.describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]
    with shut_group(ec2):
        result = diagnose(unreachable, diagnosis_ask_aws=True, diagnosis_instance_id=instance, diagnosis_url="")
    assert result.status == 2
    assert result.diagnosis["broken_hops"] == ["security_group"]
    assert "unit" in result.verdicts("unknown")


def test_D16_wrong_credentials_do_not_cause_a_traceback(diagnose):
    nobody = {"endpoint_url": "http://127.0.0.1:1", "region": "us-east-1", "access_key": "a", "secret_key": "b"}
    result = diagnose(diagnosis_ask_aws=True, diagnosis_aws=nobody)
    assert result.status == 0, result.output
    assert "security_group" in result.verdicts("unknown")
    assert "Traceback" not in result.output


def test_a_port_that_is_open_to_all_and_not_asked_for(tmp_path, ec2):
    files = {f"exposure_{kind}": str(tmp_path / f"exposure.{kind}") for kind in ("json", "html")}
    done = playbook("exposure", exposure_ask_aws=True, **files)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "exposure.json").read_text())
    sections = {(row["family"], row["port"]): row["section"] for row in report["rows"]}
    # The demo's group admits SSH from everywhere. The page's port is expected to be open.
    assert sections["ipv4", 22] == "alarm"
    assert sections["ipv4", 5000] == "everybody"
    assert "Open to everybody, and not asked for" in done.stdout
    assert report["rows"][0]["section"] == "alarm"
    done = playbook("exposure", exposure_ask_aws=True, exposure_expected="tcp/22,8080", **files)
    assert json.loads((tmp_path / "exposure.json").read_text())["alarms"] == 0


@pytest.fixture
def behind_a_socket():
    """The unit as it is by default: systemd holds its socket."""
    deployed = playbook("site", webserver_server="gunicorn")
    assert deployed.returncode == 0, deployed.stdout
    yield
    assert playbook("site").returncode == 0


def test_faults_behind_a_socket_of_systemd(diagnose, behind_a_socket):
    assert diagnose().status == 0
    with broken(
        "systemctl stop webserver.socket webserver.service", "systemctl start webserver.socket webserver.service"
    ):
        result = diagnose()
    assert (result.status, result.diagnosis["broken_hops"]) == (2, ["unit"])
    fix = f"cp /root/application {APPLICATION} && {RESTART}"
    crash = f"cp {APPLICATION} /root/application && sed -i '1i import flsk' {APPLICATION}"
    with broken(f"{crash} && (timeout 5 systemctl restart webserver || true)", fix):
        result = diagnose()
    assert result.status == 2
    assert result.diagnosis["first_broken_hop"] == "unit"
    assert "ModuleNotFoundError: No module named 'flsk'" in result.diagnosis["cause"]


def test_the_machine_is_repaired(diagnose):
    """This test is the last one: the other tests have repaired what they broke."""
    assert diagnose().status == 0
