# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import diagnosis
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports.diagnosis import (
    AWS_HOPS,
    MACHINE_HOPS,
    diagnose,
    lines,
)
from ansible_collections.flasklaunch.ec2.tests.unit.plugins.results import plain

ADDRESS = "203.0.113.10"
URL = f"http://{ADDRESS}:5000/"


def view(names, **faults):
    """Return a view in which all hops are ok except the faults, each `verdict` or `(verdict, code)`."""
    hops = []
    for name in names:
        fault = faults.pop(name, ("ok", None))
        verdict, code = fault if isinstance(fault, tuple) else (fault, "x-FAULT" if fault != "ok" else None)
        fix = f"fix {name}" if verdict in ("broken", "partial") else None
        hops.append(
            Hop(
                Verdict(verdict), f"Evidence of {name}.", code, fix, (ADDRESS,) if name == "public_address" else ()
            ).published(name)
        )
    assert not faults
    return {"hops": hops}


def aws(**faults):
    return {**view(AWS_HOPS, **faults), "target": {"public_address": ADDRESS}, "notes": []}


def machine(entrance=5000, **faults):
    return {**view(MACHINE_HOPS, **faults), "entrance": entrance}


PROXY_HOPS = ("proxy_listener", "proxy_bound_address", "proxy_accept_queue")


def proxied(**faults):
    """Return the view of a machine on which a proxy has port 80."""
    return {**view([MACHINE_HOPS[0], *PROXY_HOPS, *MACHINE_HOPS[1:]], **faults), "entrance": 80}


def client(tcp="answered", address=ADDRESS, digest="ours", source=None, **faults):
    """Return the view of a client. If the connection fails, it sees nothing behind it."""
    names = ["dns", "tcp", "tls", "http", "application"]
    if tcp not in ("answered", None):
        faults.update(tcp="broken", tls="skipped", http="skipped", application="skipped")
    if tcp is None:
        faults.update(dns="broken", tcp="skipped", tls="skipped", http="skipped", application="skipped")
    found = view(names, **{"tls": "skipped", **faults})
    found["hops"][1]["resources"] = [address]
    answered = tcp == "answered"
    found["saw"] = {
        "tcp": tcp,
        "address": address,
        "source_address": source,
        "status": 200 if answered else None,
        "body_sha256": digest if answered else None,
    }
    return found


def diagnosed(outside=None, around=None, inside=None, url=URL, **others):
    views = (
        client() if outside is None else outside,
        aws() if around is None else around,
        machine() if inside is None else inside,
    )
    return plain(diagnose(url, *views, **others))


def test_D24_a_healthy_site():
    found = diagnosed()
    assert (found["verdict"], found["served"], found["open"]) == ("reachable", True, URL)
    assert (found["first_broken_hop"], found["broken_hops"], found["fix"]) == (None, [], None)
    assert {each["verdict"] for each in found["hops"]} == {"ok", "skipped"}
    assert found["headline"] == "The site can be reached."


def test_a_healthy_site_has_no_cause():
    found = diagnosed()
    assert (found["cause"], found["summary"]) == (
        None,
        "Evidence of http. Every hop lets the client through.",
    )
    assert [line for line in lines(found) if line.startswith(("Cause:", "Found:"))] == [f"Found: {found['summary']}"]
    for faulty in (diagnosed(inside=machine(unit="broken")), diagnosed(around=aws(security_group="partial"))):
        assert faulty["cause"] == faulty["summary"]
        assert f"Cause: {faulty['cause']}" in lines(faulty)


def test_a_hop_s_title_is_its_name_in_words():
    """People find the hop of a title in the list of hops, and the other way round."""
    words = {"lb": "load balancer", "nacl": "network acl", "dns": "dns", "tcp": "tcp"}
    for name, (title, _headline) in diagnosis.TITLES.items():
        said = title.lower()
        key = [words.get(part, part) for part in name.split("_")]
        opposite = {
            "ingress": "inbound",
            "egress": "outbound",
            "exists": "target",
            "host": "machine",
            "target": "machine",
        }
        assert all(part in said or opposite.get(part, part) in said for part in key), (name, title)


def test_the_hops_are_in_the_order_of_the_packet():
    order = [each["hop"] for each in diagnosed()["hops"]]
    assert order == ["dns", "tcp", *AWS_HOPS, *MACHINE_HOPS, "tls", "http", "application"]
    assert order.index("security_group") < order.index("host_firewall") < order.index("listener") < order.index("unit")


@pytest.mark.parametrize("name", AWS_HOPS)
def test_each_fault_of_aws(name):
    found = diagnosed(client("timed_out"), aws(**{name: "broken"}))
    assert (found["first_broken_hop"], found["broken_hops"]) == (name, [name])
    assert (found["verdict"], found["served"]) == ("unreachable", False)
    assert (found["cause"], found["fix"]) == (f"Evidence of {name}.", f"fix {name}")
    assert found["headline"] == diagnosis.TITLES[name][1]


@pytest.mark.parametrize(
    ("name", "saw"),
    [
        ("host_firewall", "timed_out"),
        ("host_firewall", "no_route"),
        ("listener", "refused"),
        ("bound_address", "refused"),
        ("accept_queue", "timed_out"),
        ("unit", "refused"),
        ("selinux", "refused"),
    ],
)
def test_each_fault_of_the_machine(name, saw):
    found = diagnosed(client(saw), inside=machine(**{name: "broken"}))
    assert (found["first_broken_hop"], found["broken_hops"]) == (name, [name])
    assert (found["cause"], found["fix"]) == (f"Evidence of {name}.", f"fix {name}")
    assert found["saw"] == saw


def test_two_faults_are_both_listed_in_the_order_of_the_packet():
    found = diagnosed(client("timed_out"), aws(security_group="broken"), machine(unit="broken", host_firewall="broken"))
    assert found["broken_hops"] == ["security_group", "host_firewall", "unit"]
    assert found["first_broken_hop"] == "security_group"
    told = lines(found)
    assert "Also:  host_firewall: fix host_firewall" in told
    assert "Also:  unit: fix unit" in told


def test_a_failed_connection_is_no_cause():
    found = diagnosed(client("refused"), inside=machine(unit="broken"))
    assert [each["hop"] for each in found["hops"] if each["symptom"]] == ["tcp"]
    assert "tcp" not in found["broken_hops"]


@pytest.mark.parametrize(
    ("saw", "suspects"),
    [
        ("refused", ["public_address", "host_firewall", "listener", "bound_address", "unit", "selinux"]),
        ("no_route", ["instance_state", "host_firewall"]),
        ("timed_out", [*AWS_HOPS, "host_firewall", "accept_queue"]),
    ],
)
def test_D17_hops_that_explain_what_the_client_saw(saw, suspects):
    unread = {"msg": "nothing could be read"}
    found = diagnosed(client(saw), unread, unread)
    assert found["suspects"] == suspects
    assert (found["first_broken_hop"], found["verdict"], found["served"]) == ("tcp", "unreachable", False)


def test_a_fault_that_does_not_explain_what_was_seen_is_marked():
    """The service is down, but this would cause a refusal. So packets are also dropped somewhere."""
    found = diagnosed(client("timed_out"), {"msg": "no credentials"}, machine(unit="broken"))
    assert found["first_broken_hop"] == "unit"
    assert "does not explain what the client saw (timed out)" in found["cause"]
    assert "Security group" in found["cause"]


def test_a_control_node_that_comes_another_way_and_is_refused():
    found = diagnosed(client("refused", "172.17.0.8"), aws(security_group="broken"), machine(unit="broken"))
    assert found["broken_hops"] == ["security_group", "unit"]
    assert "got as far as the machine, and was refused; look at Unit too." in found["cause"]


def test_D16_without_credentials_aws_is_unknown_not_ok():
    found = diagnosed(client("timed_out"), {"msg": "Unable to locate\n credentials", "failed": True})
    unknown = [each for each in found["hops"] if each["verdict"] == "unknown"]
    assert [each["hop"] for each in unknown] == list(AWS_HOPS)
    assert "AWS (Unable to locate credentials)" in found["cause"]
    assert "AWS_PROFILE" in found["fix"]


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("Unable to locate credentials", "AWS_PROFILE and AWS_REGION, or diagnosis_aws"),
        ("You must specify a region.", "AWS_PROFILE and AWS_REGION, or diagnosis_aws"),
        ("Failed to import the required Python library (botocore and boto3) on x's Python /p.", "pip install boto3"),
        ('Could not connect to the endpoint URL: "https://ec2.eu-west-9.amazonaws.com/"', "name of the region"),
        (
            "An error occurred (InvalidClientTokenId) when calling the DescribeInstances operation: The security token"
            " included in the request is invalid.",
            "AWS does not know this access key.",
        ),
        (
            "An error occurred (UnauthorizedOperation) when calling the DescribeInstances operation: User: x is not"
            " authorized to perform: ec2:DescribeInstances with an explicit deny in a service control policy",
            "A service control policy of your AWS organization denies ec2:DescribeInstances explicitly",
        ),
    ],
)
def test_D16_each_reason_why_aws_was_not_read_has_its_own_fix(message, fix):
    found = diagnosed(client("timed_out"), {"msg": message, "failed": True})
    assert fix in found["fix"]
    assert ("diagnosis_aws" in found["fix"]) == ("credentials" in message or "specify a region" in message)
    assert message.rstrip(".") in found["cause"]


def test_D16_the_advice_of_the_module_is_given_once():
    advice = "Check the name of the region."
    found = diagnosed(client("timed_out"), {"msg": f"AWS could not be reached. {advice}", "fix": advice})
    assert found["fix"] == advice
    assert advice not in found["cause"]
    advice = "Give a profile."
    found = diagnosed(client("timed_out"), {"msg": f"Unable to locate credentials. {advice}", "fix": advice})
    assert "diagnosis_aws" in found["fix"]
    assert advice not in found["cause"]


def test_fix_for_a_missing_target_names_the_target_not_credentials():
    found = diagnosed(client("timed_out"), {"msg": "AWS was not asked", "fix": "-e diagnosis_instance_id=i-…"})
    assert found["fix"] == "-e diagnosis_instance_id=i-…"


def test_D25_the_machine_only():
    found = diagnosed(client("refused"), {"msg": "no credentials"}, machine(bound_address="broken"))
    assert found["first_broken_hop"] == "bound_address"
    assert diagnosed(around={"msg": "no credentials"})["verdict"] == "reachable"


def test_D25_aws_only():
    unreachable = {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection timed out"}
    found = diagnosed(client("timed_out"), aws(route="broken"), unreachable)
    assert (found["first_broken_hop"], found["verdict"]) == ("route", "unreachable")
    assert "Connection timed out" in next(each["evidence"] for each in found["hops"] if each["hop"] == "unit")


def test_a_view_that_was_not_asked_for_is_skipped_not_unknown():
    found = diagnose(URL, client())
    assert {each["verdict"] for each in found["hops"] if each["side"] in ("aws", "machine")} == {"skipped"}
    assert (found["verdict"], found["served"]) == ("reachable", True)


@pytest.mark.parametrize(
    ("around", "inside", "verdict", "served"),
    [
        (aws(), machine(), "reachable", True),
        (aws(security_group="partial"), machine(), "partial", True),
        (aws(security_group="unknown"), machine(), "unknown", False),
        (aws(security_group="broken"), machine(), "unreachable", False),
        (None, None, "unknown", False),
    ],
)
def test_without_a_client_s_view(around, inside, verdict, served):
    found = diagnose(URL, None, around, inside)
    assert (found["verdict"], found["served"], found["saw"]) == (verdict, served, "not_asked")


def test_D18_a_rule_for_other_clients():
    found = diagnosed(client("timed_out"), aws(security_group="partial"))
    assert (found["first_broken_hop"], found["verdict"], found["served"]) == ("security_group", "partial", False)
    assert found["headline"] == "The security group admits some clients, but not this one."
    assert found["fix"] == "fix security_group"


def test_D18_a_rule_for_this_client():
    found = diagnosed(client(), aws(security_group="partial"))
    assert (found["verdict"], found["served"]) == ("partial", True)
    assert found["headline"] == "The site can be reached, but not by everybody."
    assert "Evidence of security_group." in found["cause"]


def test_the_control_node_gets_through_and_the_internet_does_not():
    found = diagnosed(client(), aws(security_group="broken"))
    assert (found["verdict"], found["served"]) == ("unreachable", False)
    assert "does not come through the Internet" in found["cause"]


def test_a_fault_although_the_page_is_served():
    found = diagnosed(client(), inside=machine(selinux="broken"))
    assert (found["verdict"], found["served"], found["first_broken_hop"]) == ("partial", True, "selinux")


def test_a_page_of_another_program():
    """The program that holds the port answers on the machine as it does outside, so equal pages prove nothing."""
    page = client(application=("unknown", "x-NOTHING_EXPECTED"))
    found = diagnosed(page, inside=machine(listener=("broken", "x-PORT_TAKEN")), loopback=page)
    assert (found["verdict"], found["served"], found["first_broken_hop"]) == ("unreachable", False, "listener")
    expected = diagnosed(client(), inside=machine(listener=("broken", "x-PORT_TAKEN")))
    assert (expected["verdict"], expected["served"]) == ("partial", True)


PORTLESS = f"http://{ADDRESS}/"


@pytest.mark.parametrize("saw", ["refused", "timed_out"])
def test_a_url_without_the_port(saw):
    """Nothing listens on port 80 of the machine, and the site is on 5000."""
    found = diagnosed(client(saw), url=PORTLESS, port=5000)
    assert (found["first_broken_hop"], found["broken_hops"], found["served"]) == ("dns", ["dns"], False)
    assert found["headline"] == "The URL's port is not the site's port."
    assert found["cause"] == "The URL asks for port 80, on which nothing listens; the site is on port 5000."
    assert found["open"] == URL
    assert found["fix"] == f"-e diagnosis_url={URL} # if that works, set webserver_url in the inventory"
    # Other broken hops are named too.
    stopped = diagnosed(client(saw), inside=machine(unit="broken"), url=PORTLESS, port=5000)
    assert stopped["broken_hops"] == ["dns", "unit"]


def test_a_url_with_another_scheme_and_port():
    opened = diagnosed(client("refused"), url=f"https://{ADDRESS}/a?b=c", port=5000)["open"]
    assert opened == f"http://{ADDRESS}:5000/a?b=c"
    own = client(tls=("broken", "x-PLAIN_TO_TLS"), http="skipped", application="skipped")
    opened = diagnosed(client("refused"), url=f"https://{ADDRESS}/", port=5000, loopback=own)["open"]
    assert opened == f"https://{ADDRESS}:5000/"


def test_a_page_that_comes_by_another_port_is_ok():
    """For example from a proxy on another machine."""
    found = diagnosed(client(), url="https://shop.example/", port=5000)
    assert (found["verdict"], found["open"]) == ("reachable", "https://shop.example/")


def test_a_page_that_comes_by_a_load_balancer_that_was_not_named():
    """The machine's group admits only the load balancer, and AWS was asked about the machine."""
    shut = aws(security_group="broken")
    found = diagnosed(client("answered", "198.51.100.7"), shut, url="https://shop.example/", port=5000)
    assert (found["verdict"], found["open"]) == ("reachable", "https://shop.example/")
    group = next(each for each in found["hops"] if each["hop"] == "security_group")
    assert group["verdict"] == "skipped"
    assert "diagnosis_load_balancer_arn" in group["evidence"]
    # It is not known whose page it is.
    unsure = client("answered", "198.51.100.7", application=("unknown", "x-NOTHING_EXPECTED"))
    found = diagnosed(unsure, shut, url="https://shop.example/", port=5000)
    assert found["first_broken_hop"] == "security_group"
    assert "diagnosis_load_balancer_arn" in found["cause"]
    assert "does not come through the Internet" not in found["cause"]


def test_a_load_balancer_has_ports_of_its_own():
    found = diagnosed(
        client("timed_out", "198.51.100.7"), {"msg": "no credentials"}, url=PORTLESS, port=5000, balancer=True
    )
    assert "dns" not in found["broken_hops"]
    assert "port 5000" not in found["cause"]
    assert found["open"] == PORTLESS
    known = diagnose(PORTLESS, client("refused", "198.51.100.7"), known_as=[ADDRESS], balancer=True)
    assert known["first_broken_hop"] == "tcp"


def test_a_forwarded_port_is_the_control_node_s():
    found = diagnosed(client("refused", "127.0.0.1"), url="http://127.0.0.1:15090/", port=5000)
    assert found["headline"] == "The port does not lead to the machine."


def test_a_port_of_a_machine_that_was_not_read():
    """A proxy may serve this port, or nothing."""
    found = diagnosed(client("refused"), inside={"msg": "ssh: timed out"}, url=PORTLESS, port=5000)
    assert "The URL asks for port 80, and the site is on port 5000" in found["cause"]
    assert URL in found["cause"]
    shut = diagnosed(client("timed_out"), aws(security_group="broken"), {"msg": "no ssh"}, url=PORTLESS, port=5000)
    assert (shut["first_broken_hop"], URL in shut["cause"]) == ("security_group", True)
    assert "port 80" not in diagnosed(client("refused"), inside={"msg": "ssh: timed out"}, port=5000)["cause"]


@pytest.mark.parametrize(
    ("name", "saw"),
    [("proxy_listener", "refused"), ("proxy_bound_address", "refused"), ("proxy_accept_queue", "timed_out")],
)
def test_a_proxy_in_front(name, saw):
    assert diagnosed(inside=proxied(), url=PORTLESS, port=5000)["verdict"] == "reachable"
    found = diagnosed(client(saw), inside=proxied(**{name: "broken"}), url=PORTLESS, port=5000)
    assert (found["first_broken_hop"], found["broken_hops"]) == (name, [name])
    assert found["cause"] == f"Evidence of {name}."
    assert {each["side"] for each in found["hops"] if each["hop"].startswith("proxy_")} == {"machine"}


def test_a_client_that_the_packet_filter_may_reject():
    """As with fail2ban and ufw: the rule is for some clients, and it is not known whether this is one of them."""
    for saw, code in (("refused", "x-FIREWALL_REJECTS_SOME"), ("no_route", "x-FIREWALL_REJECTS_SOME")):
        found = diagnosed(client(saw), inside=machine(host_firewall=("ok", code)))
        assert (found["first_broken_hop"], found["served"]) == ("host_firewall", False)
        assert found["headline"] == "The machine's firewall may keep this client out."
        assert "Evidence of host_firewall." in found["cause"]
        assert found["fix"].startswith("-e diagnosis_source=")
    dropped = diagnosed(client("timed_out"), inside=machine(host_firewall=("ok", "x-FIREWALL_DROPS_SOME")))
    assert dropped["first_broken_hop"] == "host_firewall"
    # A rule that drops does not explain a refusal. If another hop is broken, such rules do not count.
    other = diagnosed(client("refused"), inside=machine(host_firewall=("ok", "x-FIREWALL_DROPS_SOME")))
    assert other["headline"] == "Another host answers there."
    broken = diagnosed(
        client("refused"), inside=machine(host_firewall=("ok", "x-FIREWALL_REJECTS_SOME"), unit="broken")
    )
    assert broken["first_broken_hop"] == "unit"
    assert diagnosed(inside=machine(host_firewall=("ok", "x-FIREWALL_DROPS_SOME")))["verdict"] == "reachable"


NEAR = "172.31.2.32"
NEAR_URL = f"http://{NEAR}:5000/"


@pytest.mark.parametrize(
    ("source", "known_as"),
    [
        # The control node's own address is in the same network.
        ("172.31.9.9", ()),
        # ssh reached the machine at that address, for example through a VPN.
        ("10.8.0.2", (NEAR,)),
    ],
)
def test_a_control_node_in_the_same_network(source, known_as):
    shut = machine(host_firewall=("broken", "x-FIREWALL_DROP"))
    found = diagnosed(client("timed_out", NEAR, source=source), inside=shut, url=NEAR_URL, known_as=known_as)
    assert (found["first_broken_hop"], found["broken_hops"]) == ("host_firewall", ["host_firewall"])
    alone = machine(host_firewall=("partial", "x-FIREWALL_DROP"))
    found = diagnosed(client("timed_out", NEAR, source=source), inside=alone, url=NEAR_URL, known_as=known_as)
    assert (found["first_broken_hop"], found["cause"]) == ("host_firewall", "Evidence of host_firewall.")
    assert found["headline"] == "The machine's own firewall keeps this client out."
    well = diagnosed(client("timed_out", NEAR, source=source), url=NEAR_URL, known_as=known_as)
    assert "is a private address" not in well["cause"]


CHANGED = "Failed to connect to the host via ssh: @@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@@ Host key"
CHANGED = {"unreachable": True, "msg": CHANGED + " verification failed."}


def test_an_address_that_became_another_machine_s():
    unsure = client(application=("unknown", "x-NOTHING_EXPECTED"))
    found = diagnosed(unsure, {"msg": "no credentials"}, CHANGED, known_as=[ADDRESS])
    assert (found["served"], found["first_broken_hop"]) == (False, "dns")
    assert found["verdict"] != "reachable"
    assert found["headline"] == "Another machine may answer at that address."
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in found["cause"]
    assert "@@@" not in repr(found)
    assert f"ssh-keygen -R {ADDRESS}" in found["fix"]
    # The right page comes from the right machine, which was recreated.
    assert diagnosed(client(), {"msg": "no"}, CHANGED, known_as=[ADDRESS])["served"]
    # The URL leads elsewhere, for example to a load balancer, so the host key of another machine does not matter.
    assert diagnosed(unsure, {"msg": "no"}, CHANGED, known_as=["198.51.100.7"])["served"]
    refused = diagnosed(client("refused"), {"msg": "no"}, CHANGED, known_as=[ADDRESS])
    assert (refused["first_broken_hop"], refused["served"]) == ("dns", False)


def test_a_host_key_that_ssh_does_not_know_yet():
    unknown = {"unreachable": True, "msg": "Failed to connect to the host via ssh: Host key verification failed."}
    found = diagnosed(client("refused"), {"msg": "no"}, unknown, known_as=[ADDRESS])
    unit = next(each for each in found["hops"] if each["hop"] == "unit")
    assert unit["fix"] == f"ssh USER@{ADDRESS} # once, to accept its host key"
    assert diagnosed(client(), {"msg": "no"}, unknown, known_as=[ADDRESS])["served"]


def test_D22_a_private_url():
    found = diagnosed(client("timed_out", "172.31.2.32"), url="http://172.31.2.32:5000/a?b=c")
    assert (found["first_broken_hop"], found["open"]) == ("dns", f"http://{ADDRESS}:5000/a?b=c")
    assert "172.31.2.32 is a private address" in found["cause"]
    assert found["fix"] == f"Open http://{ADDRESS}:5000/a?b=c"
    # Within its own network, a private address works.
    assert diagnosed(client("answered", "172.31.2.32"))["verdict"] == "reachable"
    refused = diagnosed(client("refused", "172.31.2.32"), inside=machine(unit="broken"))
    assert refused["first_broken_hop"] == "unit"


def test_D22_a_private_url_where_no_public_address_is_known():
    found = diagnosed(client("timed_out", "172.31.2.32"), {"msg": "no credentials"}, url="http://172.31.2.32:5000/")
    assert "what could not be read" in found["cause"]
    found = diagnosed(client("timed_out", "172.31.2.32"), view(["target_exists"]), url="http://172.31.2.32:5000/")
    assert "172.31.2.32 is a private address" in found["cause"]


def test_an_address_that_the_instance_had_before_it_was_stopped():
    found = diagnosed(client("refused", "198.51.100.7"), url="http://198.51.100.7:5000/")
    assert (found["first_broken_hop"], found["open"]) == ("dns", URL)
    assert "Elastic IP" in found["cause"]
    known = diagnose("http://198.51.100.7:5000/", client("timed_out", "198.51.100.7"), known_as=[ADDRESS, "my-site"])
    assert known["open"] == URL


def test_a_load_balancer_s_addresses_are_its_own():
    around = view(["target_exists", "public_address", "lb_state", "security_group"], security_group="broken")
    found = diagnosed(client("timed_out", "198.51.100.7"), around)
    assert found["first_broken_hop"] == "security_group"


def test_a_port_of_the_client_that_is_forwarded():
    found = diagnosed(client("refused", "127.0.0.1"), inside=machine(unit="broken"))
    assert found["first_broken_hop"] == "unit"


def test_the_client_s_own_network():
    found = diagnosed(client("timed_out"))
    assert (found["first_broken_hop"], found["served"]) == ("tcp", False)
    assert found["headline"] == "The client's own network stops the connection."
    none = client("no_network")
    assert diagnosed(none, aws(route="broken"))["broken_hops"] == ["tcp", "route"]


def test_a_time_out_that_nothing_explains():
    """Only the client was asked, so it is not known in which network packets are lost."""
    found = diagnose(URL, client("timed_out"))
    assert (found["first_broken_hop"], found["cause"]) == ("tcp", "Evidence of tcp.")


def test_another_host_answers_with_a_refusal():
    assert diagnosed(client("refused"))["headline"] == "Another host answers there."


def test_a_port_of_the_control_node_that_is_not_forwarded():
    """For example on the demo machine, which publishes only some of its ports."""
    found = diagnosed(client("refused", "127.0.0.1"), url="http://127.0.0.1:7000/")
    assert found["headline"] == "The port does not lead to the machine."
    assert "127.0.0.1 is the control node itself" in found["cause"]
    assert "docker publishes it" in found["fix"]


@pytest.mark.parametrize(
    ("url", "code", "opened"),
    [
        ("https://203.0.113.10:5000/", "x-TLS_TO_PLAIN", "http://203.0.113.10:5000/"),
        ("http://203.0.113.10:443/x", "x-PLAIN_TO_TLS", "https://203.0.113.10/x"),
        ("http://[2001:db8::5]:5000/", "x-PLAIN_TO_TLS", "https://[2001:db8::5]:5000/"),
    ],
)
def test_D17_the_wrong_scheme(url, code, opened):
    found = diagnosed(client(tls=("broken", code), http="skipped", application="skipped"), url=url)
    assert (found["first_broken_hop"], found["open"]) == ("tls", opened)


def test_D17_a_gateway_that_gets_no_answer():
    gateway = client(http=("broken", "x-BAD_GATEWAY"), application="skipped")
    assert diagnosed(gateway, inside=machine(unit="broken"))["broken_hops"] == ["unit", "http"]
    found = diagnosed(gateway, inside={"msg": "unreachable"})
    assert found["first_broken_hop"] == "http"
    assert "unit" in found["suspects"]


def test_a_name_without_an_address():
    found = diagnosed(client(None))
    assert (found["first_broken_hop"], found["saw"]) == ("dns", "unresolved")


def test_the_machine_s_own_view_of_its_page():
    """Only loopback answers: the page works, but only the machine gets it."""
    found = diagnosed(
        client("refused"), inside=machine(bound_address="broken"), private=client("refused"), loopback=client()
    )
    page = next(each for each in found["hops"] if each["hop"] == "http")
    assert (page["verdict"], page["evidence"]) == ("ok", "On the machine: Evidence of http.")
    assert found["broken_hops"] == ["bound_address"]


def test_the_page_that_the_machine_gets_is_its_own():
    own = client(application=("unknown", "x-NOTHING_EXPECTED"))
    found = diagnosed(client("timed_out"), aws(security_group="broken"), private=own)
    assert found["hops"][-1]["verdict"] == "ok"


def test_a_machine_that_speaks_tls_itself():
    own = client(tls=("broken", "x-PLAIN_TO_TLS"), http="skipped", application="skipped")
    shut = client("timed_out")
    found = diagnosed(shut, aws(security_group="broken"), private=own, url="https://203.0.113.10:5000/")
    assert found["broken_hops"] == ["security_group"]
    assert diagnosed(shut, aws(security_group="broken"), private=own)["broken_hops"] == ["security_group", "tls"]


def test_an_application_that_fails_is_found_although_the_port_is_closed():
    broken = client(application=("broken", "x-APPLICATION_ERROR"))
    found = diagnosed(client("timed_out"), aws(security_group="broken"), private=broken, loopback=broken)
    assert found["broken_hops"] == ["security_group", "application"]


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("x-APPLICATION_ERROR", "journalctl -u shop.service"),
        ("x-UNAVAILABLE", "sudo systemctl status shop.service"),
    ],
)
def test_fixes_on_the_machine_name_the_unit_of_the_site(code, command):
    found = diagnosed(client(application=("broken", code)), unit="shop.service")
    assert (found["fix"], found["fix_where"]) == (command, "on the machine")


RUN = "ansible-playbook site.yml -i INVENTORY"


@pytest.mark.parametrize(
    ("hop", "code", "resources", "fix"),
    [
        (
            "listener",
            "x-OTHER_PORT",
            ["web.service", "80", "81"],
            f"webserver_port: 80, 81 # in the inventory; or move it: {RUN}",
        ),
        ("listener", "x-PORT_TAKEN", ["nginx.service"], "Fix it.; or take another webserver_port"),
        ("bound_address", "x-BOUND_TO_LOOPBACK", ["10.0.1.20"], f"webserver_host: 0.0.0.0 # then: {RUN}"),
        ("bound_address", "x-IPV4_ONLY", ["2001:db8::5"], f'webserver_host: "::" # then: {RUN}'),
        ("proxy_bound_address", "x-BOUND_TO_LOOPBACK", ["10.0.1.20"], "Fix it."),
        ("unit", "x-UNIT_NOT_FOUND", ["web.service"], RUN),
        ("unit", "x-UNIT_MASKED", ["web.service"], "Fix it."),
    ],
)
def test_fixes_use_the_variables_of_the_roles(hop, code, resources, fix):
    broken = Hop(Verdict.BROKEN, "It is broken.", code, "Fix it.", tuple(resources)).published(hop)
    assert diagnosis._advice(broken, "web.service") == fix


@pytest.mark.parametrize(("digest", "verdict"), [("ours", "ok"), ("another's", "unknown")])
def test_the_machine_s_own_page_shows_whose_page_it_is(digest, verdict):
    outside = client(application=("unknown", "x-NOTHING_EXPECTED"))
    found = diagnosed(outside, loopback=client(digest=digest))
    assert found["hops"][-1]["verdict"] == verdict
    assert found["served"]
    # The arguments are not changed.
    assert outside["hops"][-1]["verdict"] == "unknown"


def test_D23_notes_of_aws_are_shown():
    noted = {**aws(), "notes": ["203.0.113.10 is not an Elastic IP."]}
    assert "Note:  203.0.113.10 is not an Elastic IP." in lines(diagnosed(around=noted))


def test_the_lines():
    told = lines(diagnosed(client("timed_out"), aws(security_group="broken"), {"msg": "ssh: timed out"}))
    assert told[0] == f"{URL}: The security group keeps clients out."
    assert "=> BROKEN   security_group:      Evidence of security_group." in told
    assert any(line.startswith("   seen     tcp:") for line in told)
    assert "   unknown  host_firewall to selinux: ssh: timed out." in told
    assert told[-3:] == ["Cause: Evidence of security_group.", "Fix:   fix security_group", f"Open:  {URL}"]


def test_a_command_for_the_machine_says_where_to_type_it():
    inside = machine(listener="broken", unit="broken")
    for each in inside["hops"]:
        each["fix"] = each["fix"] and f"sudo {each['fix']}"
    found = diagnosed(client("refused"), inside=inside)
    assert (found["fix"], found["fix_where"]) == ("sudo fix listener", "on the machine")
    told = lines(found)
    assert "Fix:   on the machine: sudo fix listener" in told
    assert "Also:  unit: on the machine: sudo fix unit" in told
    assert (diagnosed()["fix_where"], diagnosed(around=aws(security_group="broken"))["fix_where"]) == ("", "")


def test_a_password_in_the_url_is_in_no_report():
    found = diagnosed(url=f"http://user:hunter2@{ADDRESS}:5000/")
    assert (found["url"], found["open"]) == (URL, URL)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("where", "fix", "words"),
    [
        ("", "", "It is stopped."),
        ("", "start it", "It is stopped. Fix: start it"),
        ("on the machine", "start it", "It is stopped. Fix: on the machine: start it"),
    ],
)
def test_the_advice_at_the_end_of_a_message(where, fix, words):
    assert diagnosis.advice({"summary": "It is stopped.", "fix_where": where, "fix": fix}) == words


def test_groups_for_drawing():
    drawn = diagnosis.groups(diagnosed(client("timed_out"), aws(security_group="broken")))
    assert [group["side"] for group in drawn] == ["client", "aws", "machine", "site"]
    hops = [each for group in drawn for each in group["hops"]]
    assert [each["hop"] for each in hops if each["here"]] == ["security_group"]
    reached = [each["hop"] for each in hops if each["reached"]]
    assert reached == ["dns", "tcp", *AWS_HOPS[: AWS_HOPS.index("security_group")]]
    assert [group["reached"] for group in drawn] == [True, True, False, False]
    healthy = diagnosis.groups(diagnosed())
    assert all(each["reached"] and not each["here"] for group in healthy for each in group["hops"])


def test_every_hop_has_a_title():
    contract = (
        "target_exists instance_state public_address block_public_access lb_state lb_scheme internet_gateway"
        " nacl_ingress lb_security_group lb_listener target_group target_health lb_security_group_egress"
        " target_nacl_ingress security_group target_nacl_egress nacl_egress route"
    )
    order = [name for name in diagnosis.TITLES if name in contract.split()]
    assert order == contract.split()
    for remaining in diagnosis.REMAINING.values():
        assert set(remaining) <= set(diagnosis.TITLES)


@pytest.mark.parametrize("url", ["", "nonsense", "http://[::1", "http://a:b/"])
def test_an_invalid_url_is_no_traceback(url):
    assert diagnose(url, {"msg": "url: nonsense"}, {"msg": None}, {})["verdict"] == "unknown"


def test_texts_of_others_do_not_control_the_terminal():
    evidence = Hop(Verdict.BROKEN, "It said: \x1b]0;owned\x07\x9bno.\tAt all \u00fc.").published("unit")["evidence"]
    assert evidence == "It said: ]0;ownedno.\tAt all \u00fc."
