"""The steps of a newcomer: make demo, look, change a variable, break something, tear down."""

import json
import re
import sys
import urllib.request

import pytest
import yaml
from conftest import ROOT, changes, copied_inventory, on_machine, playbook, rules, run, site

sys.path.insert(0, str(ROOT / "tests"))
from certificates import Authority  # noqa: E402

AWS_SECRET = "no-secret-of-anybody"  # the demo's, in its inventory


def row(port):
    """Return the line of netstat -ltn4 for a listener on all addresses."""
    return f"tcp        0      0 {f'0.0.0.0:{port}':23} 0.0.0.0:*               LISTEN     "


def get(port):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def test_demo_ends_with_the_url_the_page_and_the_table(demo, first_run):
    end = first_run.stdout.splitlines()[-11:]
    assert "http://127.0.0.1:5000/ answers:" in end
    assert "Hello World" in end
    assert row(5000) in end
    assert row(22) in end


def test_yum_installed_python(demo, first_run):
    assert "python3-3." in on_machine("rpm -q python3")
    assert "python3-pip-" in on_machine("rpm -q python3-pip")


def test_security_group_has_one_rule_more(demo):
    ssh, flask = rules()
    assert ssh.endswith("(flask-site): tcp/22 from 0.0.0.0/0, SSH")
    assert flask.endswith("(flask-site): tcp/5000 from 0.0.0.0/0, Flask Server")


def test_second_demo_changes_nothing(demo):
    again = run("make", "demo")
    assert again.returncode == 0, again.stdout
    assert changes(again.stdout) == [0, 0]


def defaults_as_text():
    """Return the defaults of all variables with a type, as on a command line: `-e name=value`, lists with commas."""
    for specs in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        for entry_point in yaml.safe_load(specs.read_text())["argument_specs"].values():
            for name, option in (entry_point.get("options") or {}).items():
                if option.get("elements") == "dict":
                    continue  # dictionaries are written as JSON
                if option.get("type") in ("int", "bool", "list") and option.get("default") is not None:
                    default = option["default"]
                    yield f"{name}={','.join(default) if isinstance(default, list) else str(default).lower()}"


def test_a_value_is_the_same_on_the_command_line(demo):
    """On a command line, values of each type are text. A run with -vvv prints no AWS keys."""
    options = [word for text in dict.fromkeys(defaults_as_text()) if "{{" not in text for word in ("-e", text)]
    assert "webserver_debug=false" in options
    assert "python3_packages=python3,python3-pip" in options
    again = playbook("site.yml", "-vv", *options)
    assert again.returncode == 0, again.stdout
    assert changes(again.stdout) == [0]
    assert AWS_SECRET not in again.stdout


def test_sources_admitted_by_other_rules_are_reported(demo):
    narrowed = playbook("site.yml", "-e", "security_group_cidrs=198.51.100.0/24")
    assert narrowed.returncode == 0, narrowed.stdout
    said = " ".join(narrowed.stdout.split())
    assert "Existing rules also admit 0.0.0.0/0." in said
    assert "-e security_group_port=5000 -e security_group_cidrs=0.0.0.0/0" in said
    assert len(rules()) == 2


def test_listening_ports_ad_hoc(demo):
    """The command is that of the README, with the short name, from a plain checkout."""
    said = run("ansible", "all", "-i", "inventory", "-m", "listening_ports")
    assert said.returncode == 0, said.stdout
    assert f"- '{row(5000)}'" in said.stdout
    assert "unit: webserver.service" in said.stdout


def test_check_mode_shows_a_change_and_makes_none(demo):
    look = "ls -l /opt/webserver/*; systemctl show webserver.service --property=MainPID"
    before = on_machine(look)
    check = playbook("site.yml", "--check", "--diff", "-e", "webserver_port=8080")
    assert check.returncode == 0, check.stdout
    assert '+    app.run(host="0.0.0.0", port=8080)' in check.stdout
    old_rule = "tcp/5000 from 0.0.0.0/0: would be removed" in " ".join(check.stdout.split())
    assert changes(check.stdout) == [3 + old_rule]  # the release, the unit files, the rule
    assert on_machine(look) == before
    assert len(rules()) == 2


def test_other_port_and_message(demo):
    moved = playbook("site.yml", "-e", "webserver_port=8080", "-e", "webserver_message=Moved")
    assert moved.returncode == 0, moved.stdout
    said = " ".join(moved.stdout.split())
    assert "(flask-site), the former port tcp/5000 from 0.0.0.0/0: " in said
    assert "The rule for tcp/5000" not in said
    # The bare machine of other tests may also have the group.
    left = "the former port tcp/5000 from 0.0.0.0/0: this rule stays" in said
    assert [f"tcp/{port} " in " ".join(rules()) for port in (5000, 8080)] == [left, True]
    assert get(8080) == "Moved\n"
    with pytest.raises(OSError):
        get(5000)
    back = playbook("site.yml", "-e", "security_group_keep_old=true")
    assert back.returncode == 0, back.stdout
    assert "The rule for tcp/8080 from 0.0.0.0/0 stays in sg-" in " ".join(back.stdout.split())
    closed = playbook("playbooks/close_port.yml", "-e", "security_group_port=8080")
    assert closed.returncode == 0, closed.stdout
    how = "removed(, also for 1 other network interface with this group)?[.]"  # that of the bare machine
    assert re.search(f"\\(flask-site\\), tcp/8080 from 0.0.0.0/0: {how}", " ".join(closed.stdout.split()))
    assert len(rules()) == 2
    assert get(5000) == "Hello World\n"


def test_environment_without_its_python_is_made_again(demo):
    on_machine("rm /opt/webserver/current/venv/bin/python*")
    repaired = site()
    assert repaired.returncode == 0, repaired.stdout
    assert get(5000) == "Hello World\n"


def test_verbose_exposure_prints_no_key_of_aws(demo):
    assert AWS_SECRET in (ROOT / "inventory" / "group_vars" / "webservers.yml").read_text()
    shown = playbook("playbooks/exposure.yml", "-vv")
    assert shown.returncode == 0, shown.stdout
    assert AWS_SECRET not in shown.stdout


def test_wheels_on_the_machine_need_no_index_and_hide_its_password(demo):
    """It is not in the output, in the journal (which has modules' arguments), or in a file that others can read."""
    secret = "hunter2-of-the-index"
    pip = "/opt/webserver/current/venv/bin/pip"
    on_machine(f"{pip} download --quiet --dest /opt/wheels flask==3.1.3 gunicorn==27.0.1")
    index = f"http://user:{secret}@127.0.0.1:9/simple"
    variables = {"flask_version": "3.1.3", "flask_pip_wheel_dir": "/opt/wheels", "flask_pip_index_url": index}
    deployed = site("--diff", "-vvv", "-e", json.dumps(variables))
    assert deployed.returncode == 0, deployed.stdout
    assert [line for line in deployed.stdout.splitlines() if secret in line] == []
    assert secret not in on_machine("journalctl --no-pager")
    assert secret in on_machine("cat /opt/webserver/current/venv/pip.conf")
    assert on_machine("stat -Lc '%a %U' /opt/webserver/current/venv/pip.conf").strip() == "600 root"
    assert get(5000) == "Hello World\n"
    assert site().returncode == 0
    on_machine("rm -r /opt/wheels")


def test_dynamic_inventory_finds_the_instance_and_names_it(demo):
    """Against the local EC2 API, whose Elastic IPs are loopback addresses."""
    listed = run(
        "ansible-inventory",
        "-i",
        "inventory-ec2",
        "--list",
        AWS_ENDPOINT_URL="http://127.0.0.1:5555",
        AWS_ACCESS_KEY_ID="demo",
        AWS_SECRET_ACCESS_KEY="demo",
        ANSIBLE_DEPRECATION_WARNINGS="false",
    )
    assert listed.returncode == 0, listed.stdout
    inventory = json.loads(listed.stdout[listed.stdout.index("{\n") :])
    (instance,) = inventory["webservers"]["hosts"]
    variables = inventory["_meta"]["hostvars"][instance]
    # Text from EC2 is not a template: ansible-core 2.19 and newer mark it as unsafe.
    variables = json.loads(re.sub(r'\{"__ansible_unsafe": ("[^"]*")\}', r"\1", json.dumps(variables)))
    assert instance.startswith("i-")
    assert variables["security_group_instance_id"] == instance
    assert variables["security_group_aws"] == {"region": "us-east-1"}
    assert variables["ansible_host"].startswith("127.")
    assert variables["ansible_user"] == "ec2-user"


def test_application_that_does_not_start_is_refused_with_the_reason(demo, tmp_path):
    """The run that would break the site reports why, and the page is served as before."""
    (tmp_path / "shop.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n")
    broken = site("-e", f"webserver_app_src={tmp_path} webserver_app=shop:nothing")
    assert broken.returncode == 2
    assert "AttributeError: module 'shop' has no attribute 'nothing'" in broken.stdout.replace("''", "'")
    assert "is served as before; the new one was not taken" in " ".join(broken.stdout.split())
    assert get(5000) == "Hello World\n"


def test_verify_reports_and_fails_when_the_page_is_not_served(demo):
    well = playbook("playbooks/verify.yml")
    assert well.returncode == 0, well.stdout
    text = " ".join(well.stdout.split())
    assert "webserver.service is active (running), process " in text
    assert "from the machine itself: GET http://127.0.0.1:5000/ answers 200, Hello World" in text
    assert "from the control node: GET http://127.0.0.1:5000/ answers 200, Hello World" in text
    assert row(5000) in well.stdout
    assert changes(well.stdout) == [0]
    on_machine("systemctl stop webserver.socket webserver.service")  # a client would start the service alone again
    ill = playbook("playbooks/verify.yml")
    status = playbook("playbooks/status.yml")
    on_machine("systemctl start webserver.socket webserver.service")
    assert ill.returncode == 2
    assert "webserver.service is inactive (dead). Run site.yml to start it." in " ".join(ill.stdout.split())
    assert row(22) in ill.stdout
    assert "got no answer: Connection refused" in " ".join(status.stdout.split())


def test_pages_show_what_is_printed(demo):
    shown = run("python", "tests/outputs.py", "--check")
    assert shown.returncode == 0, shown.stdout


def example(name):
    """Return the block of docs/applications.md below the comment `example: NAME`."""
    text = (ROOT / "docs" / "applications.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)[1]


def test_application_of_the_documentation_is_served(demo, tmp_path):
    (tmp_path / "my-app").mkdir()
    (tmp_path / "my-app" / "my_app.py").write_text(example("application"))
    inventory = copied_inventory(tmp_path / "my-inventory")
    with open(inventory / "group_vars" / "webservers.yml", "a") as variables:
        variables.write(example("variables"))
    deployed = site("-e", "vault_database_password=hunter2", inventory=inventory)
    assert deployed.returncode == 0, deployed.stdout
    assert get(5000) == "Hello from my application\n"
    back = playbook("playbooks/rollback.yml", "-e", "webserver_health_path=/")
    assert back.returncode == 0, back.stdout
    assert get(5000) == "Hello World\n"


def test_playbook_without_an_inventory_is_an_error():
    forgotten = run("ansible-playbook", "playbooks/verify.yml")
    assert forgotten.returncode != 0
    assert "webservers" in forgotten.stdout


def test_teardown_is_refused_during_the_deploy_of_another_run(demo):
    """It does not close the port of the site either."""
    of = '{"who": "ann@laptop", "place": "laptop", "pid": 812, "started": "1"}'
    lock = f'{{"run": {of}, "since": 1, "renewed": %s, "boot": "%s"}}'
    moment = "$(cut -d' ' -f1 /proc/uptime) $(cat /proc/sys/kernel/random/boot_id)"
    on_machine(f"printf '{lock}' {moment} > /opt/webserver/releases/.lock")
    refused = playbook("playbooks/teardown.yml")
    on_machine("rm /opt/webserver/releases/.lock")
    assert refused.returncode == 2
    assert "ann@laptop (process 812) has been deploying to this machine since" in " ".join(refused.stdout.split())
    assert len(rules()) == 2
    assert get(5000) == "Hello World\n"


@pytest.fixture
def https(tmp_path):
    """The options that serve the site over HTTPS, with a certificate of a CA that the control node does not know."""
    key, chain = Authority("A CA").sign("shop.test")
    (tmp_path / "shop.pem").write_text(chain, encoding="utf-8")
    variables = {"https_names": ["shop.test"], "https_certificate_src": str(tmp_path / "shop.pem")}
    # The port is not published, so the control node cannot ask for the page.
    variables |= {"https_enabled": True, "https_certificate_key": key, "webserver_url": ""}
    return ["-e", json.dumps(variables)]


def test_https_opens_its_ports_and_closes_the_one_that_the_site_had(demo, https):
    assert [rule.split("tcp/")[1].split()[0] for rule in rules()] == ["22", "5000"]
    first = playbook("site.yml", *https)
    assert first.returncode == 0, first.stdout
    assert sorted(int(rule.split("tcp/")[1].split()[0]) for rule in rules()) == [22, 80, 443]
    assert "the former port tcp/5000 from 0.0.0.0/0: removed" in " ".join(first.stdout.split())
    with pytest.raises(OSError):
        get(5000)
    again = playbook("site.yml", *https)
    assert (again.returncode, changes(again.stdout)) == (0, [0]), again.stdout
    exposed = playbook("playbooks/exposure.yml", *https).stdout
    assert re.search(r"as asked for:\n.*tcp/0.0.0.0:80 .*\n.*tcp/0.0.0.0:443 ", exposed), exposed
    torn = playbook("playbooks/teardown.yml", *https)
    assert torn.returncode == 0, torn.stdout
    assert [rule.split("tcp/")[1].split()[0] for rule in rules()] == ["22"]


def test_teardown_removes_only_what_was_made(demo):
    on_machine("mkdir -p /etc/webserver; echo theirs | tee /etc/webserver/notes.txt > /opt/webserver/notes.txt")
    planned = playbook("playbooks/teardown.yml", "--check", "--diff")
    assert planned.returncode == 0, planned.stdout
    assert "changed: [demo] => (item=/opt/webserver/releases)" in planned.stdout
    assert "environments/" not in planned.stdout  # a line for each folder, not for each file in it
    torn = playbook("playbooks/teardown.yml")
    assert torn.returncode == 0, torn.stdout
    assert len(rules()) == 1
    assert rules()[0].endswith("tcp/22 from 0.0.0.0/0, SSH")
    assert "LoadState=not-found" in on_machine("systemctl show webserver.service --property=LoadState")
    assert on_machine("cd /; ls -d opt/webserver/* etc/webserver/*").split() == [
        "etc/webserver/notes.txt",
        "opt/webserver/notes.txt",
    ]
    assert on_machine("getent passwd webserver flasklaunch-pip") == ""
    assert "python3-3." in on_machine("rpm -q python3")
    assert "webserver" not in on_machine("ls /etc/systemd/system /etc/systemd/system/*.wants")
    again = playbook("playbooks/teardown.yml")
    assert again.returncode == 0, again.stdout
    assert changes(again.stdout) == [0]
    assert "tcp/5000 from 0.0.0.0/0: there is no such rule" in " ".join(again.stdout.split())
    verified = playbook("playbooks/verify.yml")
    assert verified.returncode == 2
    assert "There is no webserver.service on this machine. Run site.yml to make it." in verified.stdout
    on_machine("rm /opt/webserver/notes.txt /etc/webserver/notes.txt")
    assert playbook("playbooks/teardown.yml", "-e", "security_group_manage=false").returncode == 0
    assert on_machine("ls -d /opt/webserver /etc/webserver 2> /dev/null") == ""
