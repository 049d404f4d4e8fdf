# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.hop import BROKEN, OK, UNKNOWN, Hop
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.selinux import parse, selinux_hop

# In the form of /var/log/audit/audit.log on RHEL 9
LOG = """\
type=SERVICE_START msg=audit(1700000100.001:90): pid=1 uid=0 msg='unit=webserver'
type=AVC msg=audit(1700000101.123:91): avc:  denied  { name_bind } for  pid=324 comm="gunicorn" src=5000 \
scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:commplex_main_port_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000102.123:92): avc:  denied  { execute } for  pid=400 comm="(gunicorn)" \
path="/opt/flask/bin/gunicorn" dev="xvda1" ino=1 scontext=system_u:system_r:init_t:s0 \
tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0
type=AVC msg=audit(1700000103.123:93): avc:  denied  { read } for  pid=500 comm="cron" name="x" \
scontext=system_u:system_r:crond_t:s0 tcontext=system_u:object_r:user_home_t:s0 tclass=file permissive=0
"""
# journalctl --output short-unix, without auditd
JOURNAL = '1700000102.500000 web audit[400]: AVC avc:  denied  { execute } for  pid=400 comm="(gunicorn)" tclass=file'
PROGRAM = "/opt/flask/bin/gunicorn"


def judged(lines, enforcing=True, pids=(324,), since=0.0, port=5000, program=PROGRAM):
    return selinux_hop(enforcing, parse(lines), set(pids), program, port, since, "")


def test_denials_are_read():
    assert [(each.seconds, each.permissions) for each in parse(LOG.splitlines())] == [
        (1700000101, "name_bind"),
        (1700000102, "execute"),
        (1700000103, "read"),
    ]
    assert [each.seconds for each in parse([JOURNAL])] == [1700000102]


def test_D12_the_program_may_not_be_executed():
    found = judged(LOG.splitlines())
    assert (found.verdict, found.code) == ("broken", "x-SELINUX_DENIAL")
    assert "{ execute } on file /opt/flask/bin/gunicorn" in found.evidence
    assert found.fix == "sudo semanage fcontext -a -t bin_t '/opt/flask/bin(/.*)?' && sudo restorecon -R /opt/flask/bin"


def test_D12_the_port_may_not_be_bound():
    assert judged(LOG.splitlines()[:2], pids=(), program="") == Hop(
        BROKEN,
        "SELinux denied gunicorn (system_u:system_r:httpd_t:s0) { name_bind } on tcp_socket 5000"
        " (system_u:object_r:commplex_main_port_t:s0).",
        "x-SELINUX_DENIAL",
        "sudo semanage port -a -t http_port_t -p tcp 5000",
        ("5000",),
    )


def test_the_port_is_the_denied_one_otherwise_the_given_one():
    denied = denial('pid=324 comm="gunicorn" src=8080 tclass=tcp_socket', "name_bind")
    assert judged([denied]).fix.endswith("-p tcp 8080")
    assert judged([denied.replace("src=8080 ", "")], port=80).fix.endswith("-p tcp 80")


def denial(fields, permissions="read"):
    return f"type=AVC msg=audit(1700000104.123:94): avc:  denied  {{ {permissions} }} for  {fields}"


@pytest.mark.parametrize("permissions", ["execute", "execute_no_trans", "entrypoint"])
def test_programs_are_labelled_in_their_folder(permissions):
    label = "sudo semanage fcontext -a -t bin_t '{0}(/.*)?' && sudo restorecon -R {0}"
    at_path = denial('pid=324 path="/srv/venv/bin/python" tclass=file', permissions)
    assert judged([at_path]).fix == label.format("/srv/venv/bin")
    assert judged([denial('pid=324 name="gunicorn" tclass=file', permissions)]).fix == label.format("/opt/flask/bin")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ('pid=324 comm="x" path="/a" name="b" src=1 dest=2 tclass=file', "on file /a"),
        ('pid=324 comm="x" name="b" src=1 dest=2 tclass=file', "on file b"),
        ('pid=324 comm="x" src=1 dest=2 tclass=tcp_socket', "on tcp_socket 1"),
        ('pid=324 comm="x" dest=2 tclass=tcp_socket', "on tcp_socket 2"),
        ('pid=324 comm="x" tclass=process', "on process"),
        ('pid=324 comm="x"', "on something"),
    ],
)
def test_the_denied_object_is_named_as_in_the_log(fields, what):
    found = judged([denial(fields)])
    assert found.evidence == f"SELinux denied x (no context) {{ read }} {what} (no context)."
    assert found.resources == (() if what in ("on process", "on something") else (what.split()[-1],))


def test_a_denial_without_a_name_is_reported():
    found = judged([denial("pid=324")])
    assert found.evidence == "SELinux denied the unit (no context) { read } on something (no context)."
    assert found.fix == "sudo ausearch -m avc -c NAME | audit2allow -w # says what to allow"


def test_connections_to_the_port_count_too():
    assert judged([denial("dest=5000 tclass=tcp_socket", "name_connect")], pids=()).verdict == "broken"
    assert judged([denial("dest=5001 tclass=tcp_socket", "name_connect")], pids=()).verdict == "ok"
    assert judged([denial("dest=5000 tclass=udp_socket", "name_connect")], pids=()).verdict == "ok"
    assert judged([denial("src=5001 tclass=tcp_socket", "name_bind")], pids=[]).verdict == "ok"


def test_other_denials_are_left_to_audit2allow():
    read = LOG.splitlines()[3]
    found = judged([read], pids=[500])
    assert "{ read }" in found.evidence
    assert found.fix == "sudo ausearch -m avc -c cron | audit2allow -w # says what to allow"
    # A process chooses its name itself, and people paste this command.
    found = judged([read.replace('"cron"', '"(gunicorn)"')])
    assert found.fix == "sudo ausearch -m avc -c '(gunicorn)' | audit2allow -w # says what to allow"


def test_denials_of_other_programs_do_not_count():
    assert judged(LOG.splitlines()[3:]).verdict == "ok"
    assert judged(LOG.splitlines()[:2], pids=(), port=80).verdict == "broken"  # it matches by name
    assert judged(LOG.splitlines()[:2], pids=(), port=80, program="/usr/bin/nginx").verdict == "ok"


def test_denials_before_the_last_start_do_not_count():
    assert judged(LOG.splitlines(), since=1700000102.0).verdict == "broken"
    assert judged(LOG.splitlines(), since=1700000103.0) == Hop(
        OK, "SELinux is enforcing, and has denied the unit nothing since it was started."
    )


def test_permissive_and_disabled_deny_nothing():
    assert judged(LOG.splitlines(), None) == Hop(OK, "SELinux is not enabled.")
    assert judged(LOG.splitlines(), False) == Hop(OK, "SELinux is permissive: it logs, and denies nothing.")
    assert judged([line.replace("permissive=0", "permissive=1") for line in LOG.splitlines()]).verdict == "ok"


def test_D16_an_unread_log_is_unknown():
    found = selinux_hop(True, None, set(), PROGRAM, 5000, 0.0, "the audit log cannot be read")
    assert found == Hop(UNKNOWN, "SELinux is enforcing, and the audit log cannot be read.", "x-SELINUX_UNREADABLE")
