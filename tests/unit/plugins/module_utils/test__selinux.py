# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.flasklaunch.ec2.plugins.module_utils._selinux import parse, selinux_hop

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
    assert (found["verdict"], found["code"]) == ("broken", "x-SELINUX_DENIAL")
    assert "{ execute } on file /opt/flask/bin/gunicorn" in found["evidence"]
    assert (
        found["fix"] == "sudo semanage fcontext -a -t bin_t '/opt/flask/bin(/.*)?' && sudo restorecon -R /opt/flask/bin"
    )


def test_D12_the_port_may_not_be_bound():
    found = judged(LOG.splitlines()[:2], pids=(), program="")
    assert found["verdict"] == "broken"
    assert found["fix"] == "sudo semanage port -a -t http_port_t -p tcp 5000"


def test_what_no_label_of_ours_would_mend_is_left_to_audit2allow():
    read = LOG.splitlines()[3]
    found = judged([read], pids=[500])
    assert "{ read }" in found["evidence"]
    assert found["fix"] == "sudo ausearch -m avc -c cron | audit2allow -w # says what to allow"
    # A process names itself as it likes, and people paste this.
    found = judged([read.replace('"cron"', '"(gunicorn)"')])
    assert found["fix"] == "sudo ausearch -m avc -c '(gunicorn)' | audit2allow -w # says what to allow"


def test_what_others_were_denied_does_not_count():
    assert judged(LOG.splitlines()[3:])["verdict"] == "ok"
    assert judged(LOG.splitlines()[:2], pids=(), port=80)["verdict"] == "broken"  # by its name
    assert judged(LOG.splitlines()[:2], pids=(), port=80, program="/usr/bin/nginx")["verdict"] == "ok"


def test_what_was_denied_before_the_last_start_is_over():
    assert judged(LOG.splitlines(), since=1700000103.0)["verdict"] == "ok"


@pytest.mark.parametrize("enforcing", [False, None])
def test_permissive_and_disabled_deny_nothing(enforcing):
    assert judged(LOG.splitlines(), enforcing)["verdict"] == "ok"
    assert judged([line.replace("permissive=0", "permissive=1") for line in LOG.splitlines()])["verdict"] == "ok"


def test_D16_an_unread_log_is_unknown():
    found = selinux_hop(True, None, set(), PROGRAM, 5000, 0.0, "the audit log cannot be read")
    assert (found["verdict"], found["evidence"]) == (
        "unknown",
        "SELinux is enforcing, and the audit log cannot be read.",
    )
