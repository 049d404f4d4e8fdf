#!/usr/bin/python

# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: listening_ports
short_description: Report listening sockets as netstat -ltn4 does, with their owners
version_added: 0.1.0
author: The flasklaunch founders (@flasklaunch)
description:
  - Reports the TCP and UDP sockets that listen on a machine, as C(netstat -ltn4) prints them and as structured data.
  - Says of each socket which processes and which systemd unit hold it, and whether IPv4 clients can reach it.
  - Can wait until a port is held by the unit that should hold it, or until it is free, and says who holds it instead.
  - Asks the kernel itself. No external program is run, and nothing on the machine is changed.
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils import _listeners
from ansible_collections.flasklaunch.ec2.plugins.module_utils._addresses import normalised
from ansible_collections.flasklaunch.ec2.plugins.module_utils._expectation import Query, unmet
from ansible_collections.flasklaunch.ec2.plugins.module_utils._netstat import render

FILTERS = ["port", "address", "unit"]
SECONDS_BETWEEN_LOOKS = 0.2


def argument_spec():
    return dict(
        family=dict(choices=["ipv4", "ipv6", "any"], default="ipv4"),
        protocol=dict(type="list", elements="str", choices=["tcp", "udp"], default=["tcp"]),
        port=dict(type="int"),
        address=dict(),
        unit=dict(),
        processes=dict(type="bool", default=True),
        expect=dict(choices=["listening", "free"]),
        timeout=dict(type="int", default=0),
    )


def query_of(params):
    """Raises ValueError, which begins with the name of the option that is wrong."""
    address, unit = params["address"], params["unit"]
    if params["port"] is not None and not 1 <= params["port"] <= 65535:
        raise ValueError("port: %d is no port number, which is 1 to 65535" % params["port"])
    if params["timeout"] < 0:
        raise ValueError("timeout: %d is no number of seconds to wait" % params["timeout"])
    if address is not None:
        try:
            address = normalised(address)
        except ValueError as error:
            raise ValueError("address: %s" % error) from None
        if params["family"] == ("ipv4" if ":" in address else "ipv6"):
            raise ValueError("address: %s is not of the family %s" % (address, params["family"]))
    if unit is not None and "." not in unit:
        unit += ".service"  # as systemctl does
    return Query(params["family"], tuple(params["protocol"]), params["port"], address, unit)


def look(params, query, warn):
    """The result as it is at this moment, and what is unmet of the expectation."""
    table = _listeners.read_table(query.protocols, False, warn)
    at_port = [found for found in table.sockets if query.port in (None, found.local_port)]
    rows = _listeners.rows(at_port, params["processes"] or query.unit is not None)
    failure = unmet(params["expect"], query, rows)
    selected = failure.rows if failure else [row for row in rows if query.selects(row) and query.in_family(row)]
    result = dict(
        changed=False,
        netstat=render(selected),
        listening_ports=selected,
        source=table.source,
        incomplete=_listeners.incomplete(selected),
    )
    if query.family == "ipv4":
        others = [row for row in rows if query.selects(row) and not query.in_family(row)]
        result["dual_stack_listeners"] = [row for row in others if query.serves_family(row)]
    return result, failure


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        required_if=[("expect", "listening", FILTERS, True), ("expect", "free", FILTERS, True)],
        supports_check_mode=True,
    )
    try:
        query = query_of(module.params)
    except ValueError as error:
        module.fail_json(msg=str(error))
    deadline = time.monotonic() + module.params["timeout"]
    while True:
        warnings = []
        result, failure = look(module.params, query, warnings.append)
        if failure is None or time.monotonic() >= deadline:
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for warning in warnings:
        module.warn(warning)
    if failure:
        module.fail_json(msg=failure.message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
