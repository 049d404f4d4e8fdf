# Copyright: (c) 2026, The flasklaunch founders
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write or check the outputs in README.md and docs/. Each is in a block below a comment `output: NAME`.

  outputs.py           write them again, from the output of the demo machine
  outputs.py --check   fail if the demo's output differs, except for parts that differ between machines and runs

It runs `make demo` first, and leaves the demo in the same state.
"""

from __future__ import annotations

import difflib
import os
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- output: (\w+) -->\n+```\w*\n)(.*?)(```\n)", re.DOTALL)
# The parts that differ between machines and between runs.
VOLATILE = [
    (r"\b(acl|eni|i|igw|rtb|sg|subnet|vpc)-[0-9a-f]{17}\b", r"\1-ID"),
    (r"\b172\.\d+\.\d+\.\d+\b", "PRIVATE-ADDRESS"),
    (r"\b127\.(?!0\.0\.1\b)\d+\.\d+\.\d+\b", "ELASTIC-IP"),
    (r"\b(pid:?|inode:|uid:|backlog:|at most) \d+", r"\1 N"),
    (r"net:\[\d+\]", "NAMESPACE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b\d+ (second|minute)s?\b", "A WHILE"),
    (r"\bpy3\.\d+-[0-9a-f]{12}\b", "ENVIRONMENT"),
]


def run(*command, may_fail=False):
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not may_fail:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


def playbook(name, *options, **keywords):
    return run("ansible-playbook", name, "-i", "inventory", *options, **keywords)


def demo():
    return re.search(r"^http\S+ answers:\n.*?(?=^$)", run("make", "demo"), re.DOTALL | re.MULTILINE)[0]


def listening_ports():
    """Return one row of the table with the process that the row names. The whole row is three times as long."""
    said = run("ansible", "all", "-i", "inventory", "-m", "listening_ports")
    head, *_others, row = re.split(r"^(?=    -   address_not_local)", said, flags=re.MULTILINE)
    before, *processes, after = re.split(r"^(?=        -   cmdline)|^(?=        proto:)", row, flags=re.MULTILINE)
    pid = re.search(r"^        pid: \d+\n", before, re.MULTILINE)[0]
    shown = next(process for process in processes if f"    {pid}" in process)
    others = "        # ... systemd, which holds the socket too, and the workers\n"
    return head + "    # ... sshd on port 22, then:\n" + before + shown + others + after


def report(*command):
    """Return the text that a playbook prints for people, without Ansible's output around it."""
    said = playbook(*command, may_fail=True)
    message = re.search(r"^ +msg: \|-\n(.*?)(?=^\n*TASK)", said, re.DOTALL | re.MULTILINE)[1]
    return textwrap.dedent(message).rstrip() + "\n"


def exposure():
    return report("playbooks/exposure.yml", "-e", "exposure_json= exposure_html=")


def diagnosis():
    """Return the diagnosis of two faults: the page is served on loopback only, and the port is closed."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = run("docker", "inspect", "--format", template, "flasklaunch-demo").strip()
    by_hand = "security_group_manage=false webserver_url="
    try:
        playbook("playbooks/close_port.yml", "-e", "security_group_port=5000")
        playbook("site.yml", "-e", f"webserver_host=127.0.0.1 {by_hand}")
        files = "diagnosis_json= diagnosis_html="
        return report("playbooks/diagnose.yml", "-e", f"diagnosis_url=http://{address}:5000/ {files}")
    finally:
        playbook("site.yml")


def text_of(page):
    return page.read_text(encoding="utf-8")


def same_everywhere(text):
    for pattern, word in VOLATILE:
        text = re.sub(pattern, word, text)
    return [line.rstrip() + "\n" for line in text.splitlines()]


def main(arguments):
    makers = {make.__name__: make for make in (demo, listening_ports, exposure, diagnosis)}
    shown = [(page, name, body) for page in PAGES for _head, name, body, _end in BLOCK.findall(text_of(page))]
    if sorted(makers) != sorted(name for _page, name, _body in shown):
        sys.exit(f"The pages must have one block for each of {', '.join(makers)}.")
    outputs = {name: make() for name, make in makers.items()}
    if arguments == ["--check"]:
        stale = [
            line
            for page, name, body in shown
            for line in difflib.unified_diff(
                same_everywhere(body), same_everywhere(outputs[name]), f"{page.name}, {name}", "what is printed"
            )
        ]
        sys.exit("".join(stale) + "`make outputs` writes it again." if stale else None)
    for page in {page for page, _name, _body in shown}:
        text = BLOCK.sub(lambda found: found[1] + outputs[found[2]] + found[4], text_of(page))
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
