"""Two sites behind nginx, each with a certificate of its own. T1 to T44 are requirements of the https role."""

import contextlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

SCENARIO = pathlib.Path(__file__).parents[1]
ROOT = SCENARIO.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from certificates import Authority, text_of  # noqa: E402
from load import Load  # noqa: E402

MACHINE = "flasklaunch-molecule-https"
CA = ROOT / ".demo" / "https" / "ca.pem"
HTTPS, HTTP = ("127.0.0.1", 15443), ("127.0.0.1", 15081)
MIB = 1024 * 1024


def machine(script, check=True):
    done = subprocess.run(["docker", "exec", MACHINE, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def play(playbook, *arguments, ca=CA, **variables):
    inventory = str(SCENARIO / "inventory")
    command = ["ansible-playbook", str(ROOT / playbook), "-i", inventory, "--limit", "https", *arguments]
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0", "SSL_CERT_FILE": str(ca)}
    done = subprocess.run(
        [*command, "-e", json.dumps(variables)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, **settings},
        check=False,
    )
    return done.returncode, " ".join(done.stdout.replace("''", "'").split())


def deploy(**variables):
    status, said = play("site.yml", **variables)
    assert status == 0, said
    return said


class Client(http.client.HTTPSConnection):
    """A connection to a name, without the DNS. It checks the certificate as browsers do."""

    def __init__(self, name="shop.test", address=HTTPS):
        super().__init__(name, context=ssl.create_default_context(cafile=CA), timeout=10)
        self._address = address

    def connect(self):
        connection = socket.create_connection(self._address, timeout=self.timeout)
        self.sock = self._context.wrap_socket(connection, server_hostname=self.host)


def get(path="/", name="shop.test", method="GET", body=None, headers=()):
    with contextlib.closing(Client(name)) as client:
        client.request(method, path, body=body, headers=dict(headers))
        answer = client.getresponse()
        return answer.status, answer.read().decode(), answer.headers


def get_plain(path="/", host="shop.test"):
    with contextlib.closing(http.client.HTTPConnection(*HTTP, timeout=10)) as client:
        client.request("GET", path, headers={"Host": host})
        answer = client.getresponse()
        answer.read()
        return answer.status, answer.headers["Location"]


def certificate(name="shop.test"):
    with contextlib.closing(Client(name)) as client:
        client.connect()
        return x509.load_der_x509_certificate(client.sock.getpeercert(binary_form=True))


@pytest.fixture
def load():
    @contextlib.contextmanager
    def under_load(*bodies, path="/"):
        with Load(f"https://127.0.0.1:15443{path}", bodies, ca=str(CA), requests_per_second=200) as load:
            load.wait_for(100)
            yield load
            load.wait_for(load.result.requests + 100)

    return under_load


def test_t3_each_site_answers_with_a_certificate_for_all_its_names():
    assert get()[:2] == (200, "The shop\n")
    assert get(name="localhost")[:2] == (200, "The shop\n")
    assert get(name="blog.test")[:2] == (200, "The blog\n")
    assert certificate("shop.test") == certificate("localhost") != certificate("blog.test")


def test_a_machine_with_yum_serves_them_too():
    with contextlib.closing(Client("localhost", ("127.0.0.1", 15444))) as client:
        client.request("GET", "/")
        assert client.getresponse().read() == b"The shop\n"
    units = ["docker", "exec", "flasklaunch-molecule-https-yum", "systemctl", "is-enabled", "nginx", "https.service"]
    done = subprocess.run(units, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["disabled", "enabled"]


def test_status_verify_and_logs_know_https():
    status, said = play("playbooks/status.yml")
    assert status == 0, said
    assert "https.socket is active, https.service is active" in said
    assert "certificate of shop: shop.test, localhost, signed by CN=Intermediate CA of the scenario, ends in " in said
    assert play("playbooks/verify.yml")[0] == 0
    machine("echo '# changed' >> /etc/https/nginx.conf")
    status, said = play("playbooks/verify.yml")
    assert status == 2 and "nginx runs with an older configuration or certificate" in said, said
    deploy()
    machine("systemctl stop https.socket https.service")
    status, said = play("playbooks/verify.yml")
    assert status == 2 and "https.service is inactive" in said, said
    deploy()
    assert get()[:2] == (200, "The shop\n")
    assert "using inherited sockets" in play("playbooks/logs.yml")[1]


def test_t40_a_client_that_does_not_know_the_ca_is_told_so(tmp_path):
    (tmp_path / "ca.pem").write_text(text_of(Authority("Another CA").certificate), encoding="utf-8")
    files = {"diagnosis_json": "", "diagnosis_html": "", "diagnosis_ask_aws": False}
    status, said = play("playbooks/diagnose.yml", ca=tmp_path / "ca.pem", **files)
    assert status == 2, said
    assert "Browsers do not trust the certificate." in said
    assert "nginx (pid" in said and "is presumably a proxy for shop.service" in said
    assert "The proxy on the machine itself reaches 127.0.0.1:5001." in said
    assert play("playbooks/diagnose.yml", **files)[0] == 0


def test_t29_no_process_is_root_and_none_has_a_capability():
    processes = machine("ps -eo user=,args= | grep '[n]ginx:'").splitlines()
    assert {line.split()[0] for line in processes} == {"https"}
    status = machine("cat /proc/$(systemctl show --property=MainPID --value https.service)/status")
    assert {line.split()[1] for line in status.splitlines() if line.startswith("Cap")} == {"0" * 16}
    exposure = machine("systemd-analyze security --no-pager https.service | tail -n 1")
    assert float(exposure.split("service: ")[1].split()[0]) <= 1.3, exposure


def test_t30_only_nginx_reads_the_keys():
    modes = machine("stat --format='%a %U' /etc/pki/https/*.pem").splitlines()
    assert set(modes) == {"600 https"}
    assert "PRIVATE KEY" not in machine("journalctl --no-pager; cat /etc/https/* /etc/systemd/system/https.*")


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_t33_http_2_is_offered_and_http_1_1_too(offered, chosen):
    context = ssl.create_default_context(cafile=CA)
    context.set_alpn_protocols(offered)
    with socket.create_connection(HTTPS) as plain, context.wrap_socket(plain, server_hostname="shop.test") as secured:
        assert secured.selected_alpn_protocol() == chosen


def test_t34_a_client_cannot_pretend_to_be_another_one():
    spoofed = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "666",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=6.6.6.6",
    }
    seen = json.loads(get("/seen")[1])
    assert (seen["scheme"], seen["url"], seen["host"]) == ("https", "https://shop.test/", "shop.test")
    assert seen["client"] != "127.0.0.1"
    assert json.loads(get("/seen", headers=spoofed)[1]) == seen


def test_t35_port_80_redirects_once_to_the_same_page():
    assert get_plain("/a%20b?x=1&y=%2F") == (308, "https://shop.test/a%20b?x=1&y=%2F")
    assert get_plain(host="blog.test") == (308, "https://blog.test/")
    assert get_plain(host="203.0.113.7") == (308, "https://shop.test/")


def test_t36_browsers_are_not_bound_to_https_by_default():
    assert "Strict-Transport-Security" not in get()[2]


def test_t37_the_port_of_the_application_is_for_the_machine_alone():
    inspect = ["docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", MACHINE]
    address = subprocess.check_output(inspect, text=True).strip()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 5001), timeout=5)


def test_t14_server_sent_events_come_one_by_one():
    with contextlib.closing(Client()) as client:
        client.request("GET", "/events")
        answer = client.getresponse()
        came = []
        while answer.readline():
            came.append(time.monotonic())
    assert len(came) == 10
    # The application sends one each half second. If nginx collected them, all would come in the end.
    assert came[-1] - came[0] > 1


def test_t15_an_upload_may_have_https_max_body_and_no_more():
    status, said, _headers = get("/upload", method="POST", body=b"x" * MIB)
    assert (status, json.loads(said)) == (200, {"bytes": MIB})
    with contextlib.closing(Client()) as client:
        client.putrequest("POST", "/upload")
        client.putheader("Content-Length", str(MIB + 1))
        client.endheaders()
        assert client.getresponse().status == 413
    assert f"client intended to send too large body: {MIB + 1} bytes" in machine("journalctl --no-pager -u https")


def test_t13_slow_clients_do_not_stop_the_site():
    context = ssl.create_default_context(cafile=CA)
    with contextlib.ExitStack() as stack:
        slow = []
        for _number in range(900):
            plain = stack.enter_context(socket.create_connection(HTTPS, timeout=10))
            slow.append(stack.enter_context(context.wrap_socket(plain, server_hostname="shop.test")))
            slow[-1].sendall(b"POST /upload HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 9\r\n\r\nx")
        for each in slow:
            each.sendall(b"x")
        assert get()[:2] == (200, "The shop\n")


def test_a_get_that_a_killed_worker_has_not_begun_to_answer_is_sent_again(load):
    with load("The shop") as result:
        for _time in range(3):
            machine("pkill -9 -o -u shop -f 'gunicorn.*shop' -P $(systemctl show --property=MainPID --value shop)")
            time.sleep(1)
    found = result.result
    assert (found.refused, found.wrong, found.timed_out) == (0, 0, 0), found.failures
    assert all("closed after b'HTTP/1.1 200 OK" in failure["reason"] for failure in found.failures), found.failures


def test_t10_a_restart_of_nginx_refuses_nobody(load):
    with load("The shop") as result:
        for _time in range(3):
            machine("systemctl restart https.service")
            time.sleep(0.5)
    assert result.result.failed == 0, result.result.failures


def test_t11_if_nginx_is_killed_nobody_is_refused(load):
    with load("The shop") as result:
        machine("pkill -9 -u https")
        time.sleep(1)
    assert result.result.refused == 0, result.result.failures
    assert machine("systemctl is-active https.service") == "active"


def test_t9_a_deploy_loses_no_request(load, tmp_path):
    app = (SCENARIO / "app" / "app.py").read_text(encoding="utf-8")
    (tmp_path / "app.py").write_text(app.replace("The shop", "The new shop"), encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("flask\n", encoding="utf-8")
    with load("The shop", "The new shop") as result:
        deploy(webserver_app_src=str(tmp_path), webserver_name="shop")
        assert get()[1] == "The new shop\n"
    assert result.result.failed == 0, result.result.failures
    deploy()


def test_t8_a_new_certificate_is_served_without_a_lost_request(load):
    before, blog = certificate(), certificate("blog.test")
    with load("The shop") as result:
        status, said = play("site.yml", "--diff", shop_certificate=str(CA.parent / "shop-2"))
        after = certificate()
    assert status == 0, said
    assert result.result.failed == 0, result.result.failures
    assert after != before
    assert "PRIVATE KEY" not in said
    assert certificate("blog.test") == blog
    assert len(machine("ls /etc/pki/https/shop-*").splitlines()) == 1
    deploy()
    assert certificate() == before


def test_t27_if_nginx_refuses_a_certificate_the_former_one_stays(tmp_path):
    before = machine("cat /etc/https/nginx.conf")
    key, chain = Authority("A CA").sign("blog.test", key=rsa.generate_private_key(65537, 1024))
    (tmp_path / "weak.pem").write_text(chain, encoding="utf-8")
    (tmp_path / "weak.key").write_text(key, encoding="utf-8")
    status, said = play("site.yml", "--diff", blog_certificate=str(tmp_path / "weak"))
    assert status == 2, said
    assert "key too small" in said and "the former ones are back" in said, said
    assert machine("cat /etc/https/nginx.conf") == before
    assert get(name="blog.test")[:2] == (200, "The blog\n")
    deploy()
    assert len(machine("ls /etc/pki/https/blog-*").splitlines()) == 1


def test_t36_and_t34_hsts_and_a_proxy_in_front():
    deploy(https_hsts_max_age=300, https_hsts_subdomains=True, webserver_proxy_hops=1)
    assert get()[2]["Strict-Transport-Security"] == "max-age=300; includeSubDomains"
    seen = json.loads(
        get("/seen", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https"})[1]
    )
    assert (seen["client"], seen["scheme"]) == ("203.0.113.7", "https")
    # That proxy may end TLS itself and ask by HTTP.
    assert get_plain()[0] == 200
    deploy()
    assert "Strict-Transport-Security" not in get()[2]


def test_t41_teardown_leaves_nothing():
    status, said = play("playbooks/teardown.yml")
    assert status == 0, said
    assert (
        machine("ls -d /etc/https /etc/pki/https /etc/systemd/system/https* 2>&1 | grep -v 'No such'", check=False)
        == ""
    )
    assert machine("getent passwd https", check=False) == ""
    assert machine("systemctl is-active https.socket https.service", check=False).split() == ["inactive", "inactive"]
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        get_plain()


def test_t38_a_port_that_another_unit_holds_is_refused_before_anything_changes():
    machine("systemd-run --unit=other python3 -m http.server 80 && sleep 1")
    status, said = play("site.yml")
    assert status == 2, said
    assert "Port 80 is in use on this machine, by other.service" in said
    assert "sudo systemctl disable --now other.service" in said
    assert machine("ls -d /opt/shop 2>&1", check=False).endswith("No such file or directory")
    machine("systemctl stop other")
