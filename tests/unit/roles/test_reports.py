# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the roles diagnosis and exposure, as text and as a browser shows them."""

from __future__ import annotations

import html
import json
import pathlib
import re
import shutil
import subprocess

import jinja2
import pytest
from ansible_collections.flasklaunch.ec2.plugins.filter import diagnosis as diagnosis_filters
from ansible_collections.flasklaunch.ec2.plugins.filter import exposure as exposure_filters
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.printable import UNPRINTABLE
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.words import Verdict
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import diagnosis as _diagnosis
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._reports import exposure_report

ROOT = pathlib.Path(__file__).parents[3]
STYLE = (ROOT / "files" / "report.css").read_text(encoding="utf-8")
PAGES = {"diagnosis": "roles/diagnosis/templates", "exposure": "roles/exposure/templates"}
LONG = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/" + "x" * 80
EVIL = "<script>alert(1)</script>\"'&<img src=http://203.0.113.1/x.png>"


def rendered(page, **variables):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / PAGES[page], encoding="utf-8"), trim_blocks=True
    )
    for plugin in (diagnosis_filters, exposure_filters):
        filters = plugin.FilterModule().filters()
        environment.filters.update({f"flasklaunch.ec2.{name}": function for name, function in filters.items()})
    environment.tests["match"] = lambda text, pattern: re.match(pattern, text)  # Ansible's
    return environment.get_template(f"{page}.html.j2").render(**{f"__{page}_style": STYLE, **variables})


def diagnosis(text="", url="http://203.0.113.10:5000/", **faults):
    """Return a diagnosis, by default of a closed security group, with this text in each place for a text."""
    faults = faults or {"security_group": "broken"}
    views = [
        {
            "hops": [
                Hop(Verdict(faults.get(name, "ok")), f"{name} {text}", None, text or "fix it").published(name)
                for name in names
            ]
        }
        for names in (("dns", "tcp", "tls", "http", "application"), _diagnosis.AWS_HOPS, _diagnosis.MACHINE_HOPS)
    ]
    views[0]["saw"] = {"tcp": "answered", "address": "203.0.113.10", "status": 200, "body_sha256": ""}
    views[1]["notes"] = [f"A note. {text}"]
    return _diagnosis.diagnose(url, *views, host=f"my-site{text}")


def exposure(text=""):
    row = {"proto": "tcp", "family": "ipv4", "dual_stack": False, "interface": None, "user": "root"}
    names = {"name": f"sshd{text}", "unit": f"sshd.service{text}"}
    ports = [{**row, **names, "local_address": "0.0.0.0", "local_port": port} for port in (22, 5000, 6379, 9100)]
    machine = {"listening_ports": ports, "asked": [5000], "msg": "", "instance_id": "", "private_address": ""}
    unread = {**machine, "listening_ports": [], "msg": f"ssh: timed out {text}", "name": f"db{text}"}
    audiences = {22: "part", 5000: "everybody", 6379: "everybody", 9100: "vpc"}
    answers = [
        {
            "machine": f"web{text}",
            "protocol": "tcp",
            "family": "ipv4",
            "address": "0.0.0.0",
            "port": port,
            "audience": audience,
            "sources": [],
            "resources": [],
            "reason": f"A rule admits it. {text}",
        }
        for port, audience in audiences.items()
    ]
    return exposure_report.report([{**machine, "name": f"web{text}"}, unread], [{"exposure": answers}], [])


def page_of(page, text=""):
    if page == "diagnosis":
        return rendered(page, __diagnosis_results=[diagnosis(text), diagnosis(text, unit="broken")])
    return rendered(page, exposure_result=exposure(text))


@pytest.mark.parametrize("page", PAGES)
def test_every_value_is_escaped(page):
    template = (ROOT / PAGES[page] / f"{page}.html.j2").read_text(encoding="utf-8")
    values = re.findall(r"\{\{(.*?)\}\}", template)
    assert len(values) > 10
    assert [value for value in values if not value.endswith("| e ")] == [f" __{page}_style | replace('</', '') "]
    text = page_of(page, EVIL)
    assert html.escape("<script>") in text
    assert "<script" not in text
    assert "<img" not in text


def test_texts_of_a_machine_do_not_reverse_lines():
    evil = "\x1b[2J\u202egpj.exe\u2066\x9b evil"
    forged = {
        "hops": [
            {**Hop(Verdict.OK, "").published(name), "evidence": evil, "fix": evil} for name in _diagnosis.MACHINE_HOPS
        ]
    }
    found = _diagnosis.diagnose("http://203.0.113.10:5000/", machine=forged, aws={"msg": evil})
    text = rendered("diagnosis", __diagnosis_results=[found]) + rendered("exposure", exposure_result=exposure(evil))
    text += "\n".join(_diagnosis.lines(found)) + json.dumps(found, ensure_ascii=False)
    assert text.count(" evil") > 20
    assert not UNPRINTABLE.search(text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_one_file(page):
    text = page_of(page)
    assert re.findall(r"<(?:script|img|iframe|object|embed|video|audio|source|base|form)\b", text) == []
    assert re.findall(r"<link [^>]*>", text) == ['<link rel="icon" href="data:,">']
    assert re.findall(r"@import|url\(|\bsrc=|\bsrcset=| on\w+=", text) == []


def marked(text):
    """Return the hops that a page marks as the first broken one, by host."""
    articles = re.findall(r'<article [^>]*data-host="([^"]*)">(.*?)</article>', text, re.DOTALL)
    return [
        (host, re.findall(r'<li class="hop [^"]*\bhere\b[^"]*" data-hop="([^"]*)"', body)) for host, body in articles
    ]


@pytest.mark.parametrize("name", [*_diagnosis.AWS_HOPS, *_diagnosis.MACHINE_HOPS, "dns", "http", "application"])
def test_the_first_broken_hop_is_marked(name):
    found = diagnosis(**{name: "broken", "application": "broken"})
    assert marked(rendered("diagnosis", __diagnosis_results=[found])) == [("my-site", [name])]


def test_a_healthy_site_has_no_mark():
    found = diagnosis(tls="skipped")
    assert marked(rendered("diagnosis", __diagnosis_results=[found])) == [("my-site", [])]


def test_a_command_for_the_machine_says_so():
    found = diagnosis("sudo restart it", unit="broken", selinux="broken")
    text = rendered("diagnosis", __diagnosis_results=[found])
    assert '<p class="label">What to do on the machine</p><code class="command">sudo restart it</code>' in text
    assert '<p class="label">On the machine</p>\n<code class="command">sudo restart it</code>' in text
    assert '<p class="label">What to do</p>' in page_of("diagnosis")
    assert "n the machine</p>" not in page_of("diagnosis")


def test_alarms_come_first():
    text = page_of("exposure")
    assert re.findall(r'data-section="(\w+)"', text) == ["alarm", "everybody", "part", "vpc", "unread"]
    assert 'data-port="tcp/6379"' in text.split('data-section="everybody"')[0]


FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">
<iframe id="phone" style="width: 380px; height: 800px; border: 0" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.getElementById("phone").contentDocument, root = page.documentElement;
  const here = [...page.querySelectorAll(".hop.here")].filter((hop) => hop.getBoundingClientRect().height > 0);
  const mark = here.map((hop) => getComputedStyle(hop.querySelector(".mark")).backgroundColor);
  const wide = [...page.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > 380.5);
  const said = {{width: root.scrollWidth, wide: wide.map((one) => one.outerHTML.slice(0, 80)), mark: mark,
    font: getComputedStyle(page.body).fontSize, resources: performance.getEntriesByType("resource").length,
    here: here.map((hop) => hop.dataset.hop), text: page.body.innerText}};
  document.body.innerHTML = "";
  document.body.append(JSON.stringify(said));
}});
</script>"""


@pytest.fixture
def show(tmp_path):
    """Shows a page on a phone with 380 pixels, in a browser without a network. Returns what the browser reports.

    The window of a headless browser is at least 500 pixels wide, so the page is in a frame.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium is installed")

    def show(page):
        (tmp_path / "page.html").write_text(FRAME.format(page=html.escape(page)), encoding="utf-8")
        options = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        options += " disable-component-update disable-sync hide-scrollbars allow-file-access-from-files"
        options += " enable-logging=stderr dump-dom"
        done = subprocess.run(
            [
                browser,
                *(f"--{option}" for option in options.split()),
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={tmp_path / 'profile'}",
                f"--log-net-log={tmp_path / 'net.json'}",
                (tmp_path / "page.html").as_uri(),
            ],
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        body = re.search(r"<body[^>]*>(.*)</body>", done.stdout, re.DOTALL)
        assert body, done.stdout + done.stderr
        seen = json.loads(html.unescape(body.group(1)))
        seen["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        # The browser itself requests this file. The page does not.
        log = (tmp_path / "net.json").read_text(encoding="utf-8").splitlines()
        asked = [line for line in log if '"initiator":' in line and '"initiator":"not an origin"' not in line]
        seen["requests"] = sorted({url for line in asked for url in re.findall(r'"url":"([^"]*)"', line)})
        return seen

    return show


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["", LONG])
def test_on_a_phone(show, page, text):
    seen = show(page_of(page, text))
    assert (seen["width"], seen["wide"]) == (380, [])
    assert seen["console"] == []
    assert seen["resources"] == 0
    assert seen["requests"] == []
    assert seen["font"] == "16px"


def test_the_mark_is_seen(show):
    seen = show(page_of("diagnosis"))
    assert seen["here"] == ["security_group", "unit"]
    assert seen["mark"] == ["rgb(192, 57, 47)"] * 2
    assert "The security group keeps clients out." in seen["text"]
    assert "fix it" in seen["text"]


def test_requests_and_errors_of_a_page_are_noticed(show):
    """So the tests above would fail for it."""
    spoilt = page_of("diagnosis").replace("</main>", '<p style="width: 500px">wide</p><script>x()</script></main>')
    spoilt = spoilt.replace("</main>", '<img src="http://images.example/x.png"></main>')
    seen = show(spoilt)
    assert seen["width"] > 380
    assert seen["wide"] != []
    assert seen["console"] != []
    assert "http://images.example/x.png" in seen["requests"]
