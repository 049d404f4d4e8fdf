#!/usr/bin/python

# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: listening_ports
short_description: Report listening sockets as netstat does, and who holds them
version_added: 0.1.0
author:
  - The flasklaunch founders (@flasklaunch)
description:
  - Reports the sockets of a Linux machine that listen, as C(netstat -ltn4) prints them and as structured data.
  - Reports which processes and which systemd unit hold each socket, and whether IPv4 clients reach it.
  - Can wait until a unit holds its port, or until a port is free. If the time ends before that, the message says what
    holds the port.
  - Reads the kernel's tables. It runs no program on the managed node, and changes nothing.
options:
  family:
    description:
      - The address family of the sockets to list.
      - An IPv6 socket may serve IPv4 clients too. C(netstat -4) does not list it, and neither does V(ipv4) here,
        but RV(dual_stack_listeners) and O(expect) know of it.
    type: str
    choices: [ipv4, ipv6, any]
    default: ipv4
  protocol:
    description: The protocols of the sockets to list.
    type: list
    elements: str
    choices: [tcp, udp]
    default: [tcp]
  port:
    description: List only the sockets that are bound to this port.
    type: int
  address:
    description:
      - List only the sockets that are bound to exactly this address. V(0.0.0.0) and V(::) select only these addresses.
      - Sets O(family) to the family of the address.
    type: str
  unit:
    description:
      - List only the sockets that are held by a process of this systemd unit.
      - A name without a suffix is a service. Units of a user's own service manager do not count.
      - The module then looks up owners even if O(processes) is V(false).
    type: str
  processes:
    description:
      - Look up the processes that hold the sockets.
      - Without this, the unit is known only if the kernel stores it with the socket, which needs cgroup v2.
    type: bool
    default: true
  expect:
    description:
      - What must hold for each O(protocol), or the module fails. Needs O(port), O(address) or O(unit).
      - V(listening) means that O(port), O(address) and O(unit) select a socket that listens. With O(family=ipv4), a
        dual-stack IPv6 socket counts too.
      - V(free) means that no listening socket prevents a server from binding there. A socket that is bound to all
        addresses prevents it for each single address, and a dual-stack IPv6 socket prevents it for IPv4.
    type: str
    choices: [listening, free]
  timeout:
    description: How many seconds to wait for O(expect) to hold.
    type: int
    default: 0
  include_non_listening:
    description: List connections too, as C(netstat -a) does. O(expect) does not count them.
    type: bool
    default: false
  facts:
    description:
      - Also return the facts of M(community.general.listen_ports_facts), for the playbooks that use it.
      - The facts always cover TCP and UDP over IPv4 and IPv6.
    type: bool
    default: false
  command:
    description:
      - Allowed only with O(facts=true), for playbooks that were written for M(community.general.listen_ports_facts).
      - The value changes nothing. This module runs neither program, so the machine needs neither.
    type: str
    choices: [netstat, ss]
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  platform:
    platforms: Linux
notes:
  - Without root the module reports all sockets and their users, but cannot read most processes. Then RV(incomplete)
    is V(true), and the module warns.
  - Reports the network namespace that it runs in. For the sockets inside a container, run it there.
  - Any local user can choose names and command lines. Characters that are not printable are escaped
    (V(\\x1b)), and a backslash is doubled.
seealso:
  - module: community.general.listen_ports_facts
  - module: ansible.builtin.wait_for
"""

EXAMPLES = r"""
- name: Show what netstat -ltn4 shows
  flasklaunch.ec2.listening_ports:
  register: ports

- name: Wait until the web server holds its port
  flasklaunch.ec2.listening_ports:
    port: 5000
    unit: webserver.service
    expect: listening
    timeout: 20
  become: true

- name: Fail if another program holds the port
  flasklaunch.ec2.listening_ports:
    port: 80
    expect: free
  become: true

- name: List all sockets that other machines may reach
  flasklaunch.ec2.listening_ports:
    family: any
    protocol: [tcp, udp]
  become: true
  register: ports

- name: Fail if another port is open
  ansible.builtin.assert:
    that: item.local_port in [22, 5000]
    fail_msg: "{{ item.name }} ({{ item.unit }}) listens on port {{ item.local_port }}."
  loop: "{{ ports.listening_ports | rejectattr('scope', 'equalto', 'loopback') }}"
  loop_control:
    label: "{{ item.local_address }}:{{ item.local_port }}"

- name: Gather the facts of community.general.listen_ports_facts
  flasklaunch.ec2.listening_ports:
    facts: true
  become: true
"""

RETURN = r"""
netstat:
  description:
    - The table as C(LC_ALL=C netstat -ltn4) prints it, byte for byte, or with the flags that match the options.
    - The rows are sorted by address and port. IPv6 addresses are never cut, as with C(netstat -W).
  returned: always
  type: list
  elements: str
  sample:
    - "Active Internet connections (only servers)"
    - "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
    - "tcp        0      0 0.0.0.0:5000            0.0.0.0:*               LISTEN     "
listening_ports:
  description:
    - A row for each socket in RV(netstat). Unknown values are V(null).
    - If O(expect) fails, these are the sockets on the port, of any family and unit.
  returned: always
  type: list
  elements: dict
  contains:
    proto:
      description: V(tcp), V(tcp6), V(udp) or V(udp6).
      returned: always
      type: str
      sample: tcp
    recv_q:
      description: Bytes not yet read. For a TCP listener, the number of connections not yet accepted.
      returned: always
      type: int
      sample: 0
    send_q:
      description: Bytes not yet sent or acknowledged. For a TCP listener always 0, as in C(netstat).
      returned: always
      type: int
      sample: 0
    local_address:
      description: The address that the socket is bound to.
      returned: always
      type: str
      sample: 0.0.0.0
    local_port:
      description: The port that the socket is bound to.
      returned: always
      type: int
      sample: 5000
    foreign_address:
      description: Address and port of the other end. A listener has none.
      returned: always
      type: str
      sample: "0.0.0.0:*"
    state:
      description: The state as in C(netstat). A UDP socket without another end has none.
      returned: always
      type: str
      sample: LISTEN
    family:
      description: V(ipv4) or V(ipv6).
      returned: always
      type: str
      sample: ipv4
    interface:
      description:
        - The only interface that the socket serves. For a link-local address this is its zone.
        - V(null) if it serves all. With RV(source=proc) it is always V(null).
      returned: always
      type: str
      sample: lo
    scope:
      description:
        - Where clients can be, judged by the address that the socket is bound to, and by the interface if that is the
          loopback interface.
        - V(any), V(loopback), V(link-local), V(private), V(multicast) or V(public).
      returned: always
      type: str
      sample: any
    address_not_local:
      description: Whether the socket is bound to an address that the machine does not have, so that nothing reaches it.
      returned: always
      type: bool
      sample: false
    backlog:
      description:
        - How many connections may wait to be accepted. If RV(listening_ports[].recv_q) is greater, clients time out.
        - V(null) if the socket is not a TCP listener, and with RV(source=proc).
      returned: always
      type: int
      sample: 128
    dual_stack:
      description: Whether this is an IPv6 socket that serves IPv4 clients too.
      returned: always
      type: bool
      sample: false
    ipv4_reachable:
      description: Whether IPv4 clients within RV(listening_ports[].scope) reach the socket.
      returned: always
      type: bool
      sample: true
    inode:
      description: The kernel's number of the socket.
      returned: always
      type: int
      sample: 26118
    uid:
      description: The user that owns the socket.
      returned: always
      type: int
      sample: 997
    user:
      description: The name of that user.
      returned: always
      type: str
      sample: webserver
    pid:
      description:
        - The process that holds the socket. If there are several, the oldest one; systemd only if there is no other.
      returned: always
      type: int
      sample: 812
    name:
      description: The name of that process, of at most 15 bytes.
      returned: always
      type: str
      sample: gunicorn
    unit:
      description:
        - The systemd unit of that process.
        - If systemd holds the socket for a service that is not yet started, that service.
        - If the process cannot be read, the unit in which the socket was made, if the kernel reports it.
      returned: always
      type: str
      sample: webserver.service
    processes:
      description: All processes that hold the socket, sorted by pid.
      returned: always
      type: list
      elements: dict
      contains:
        pid:
          description: The process identifier.
          returned: always
          type: int
          sample: 812
        name:
          description: The name of the process, of at most 15 bytes.
          returned: always
          type: str
          sample: gunicorn
        cmdline:
          description: The command line, of at most 4096 bytes.
          returned: always
          type: str
          sample: /opt/webserver/venv/bin/gunicorn --bind 0.0.0.0:5000 webserver:app
        exe:
          description: The program file.
          returned: always
          type: str
          sample: /usr/bin/python3.9
        exe_deleted:
          description: Whether that file was removed or replaced, as by an update. Then the process needs a restart.
          returned: always
          type: bool
          sample: false
        uid:
          description: The effective user of the process.
          returned: always
          type: int
          sample: 997
        user:
          description: The name of that user.
          returned: always
          type: str
          sample: webserver
        started:
          description: When the process was started, in ISO 8601 and UTC.
          returned: always
          type: str
          sample: "2026-11-23T05:47:28Z"
        unit:
          description: The unit of the system's service manager.
          returned: always
          type: str
          sample: webserver.service
        user_unit:
          description: The unit of a user's own service manager, which is itself the unit C(user@UID.service).
          returned: always
          type: str
          sample: app.service
        container:
          description: The id that Docker, Podman or containerd gave to the container of the process.
          returned: always
          type: str
          sample: 8d490f390c1e0c1bd2e2f0a8f0a1c5b6d7e8f90123456789abcdef0123456789
    owner_unknown_reason:
      description:
        - Why no process is known. V(null) if a process is known.
        - V(permission_denied) if there are processes that this user may not read.
          V(other_pid_namespace) if the process may be outside the container that the module runs in.
          V(no_process) if all processes could be read and none holds the socket. Then the kernel holds it, as for NFS,
          or it is moving from one process to another.
          V(not_requested) because of O(processes=false).
      returned: always
      type: str
      sample: permission_denied
dual_stack_listeners:
  description:
    - The IPv6 sockets that IPv4 clients reach although C(netstat -4) does not list them, or may reach if the kernel
      does not report it. The keys are those of RV(listening_ports).
  returned: when O(family=ipv4)
  type: list
  elements: dict
  sample: []
source:
  description: Where the table comes from, V(netlink), or V(proc) if netlink is forbidden.
  returned: always
  type: str
  sample: netlink
incomplete:
  description: Whether the user may not read the owners of some sockets.
  returned: always
  type: bool
  sample: false
network_namespace:
  description: The network namespace in which the module ran.
  returned: always
  type: str
  sample: "net:[4026531840]"
ansible_facts:
  description: The facts of M(community.general.listen_ports_facts), except that an unknown pid is V(null), not 0.
  returned: when O(facts=true)
  type: dict
  contains:
    tcp_listen:
      description: The TCP sockets, with the keys C(address), C(port), C(protocol), C(pid), C(name), C(stime), C(user).
      returned: always
      type: list
      elements: dict
      sample:
        - address: 0.0.0.0
          port: 5000
          protocol: tcp
          pid: 812
          name: gunicorn
          stime: "Mon Nov 23 05:47:28 2026"
          user: webserver
    udp_listen:
      description: The UDP sockets, with the same keys.
      returned: always
      type: list
      elements: dict
      sample: []
"""

import sys
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics import addresses
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets import report
from ansible_collections.flasklaunch.ec2.plugins.module_utils._sockets.query import Query

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
        include_non_listening=dict(type="bool", default=False),
        facts=dict(type="bool", default=False),
        command=dict(choices=["netstat", "ss"]),
    )


def query_of(params):
    """Return the query of the options. Raises ValueError with a text that begins with the name of the wrong option."""
    family, address, unit = params["family"], params["address"], params["unit"]
    if params["port"] is not None and not 1 <= params["port"] <= 65535:
        raise ValueError(f"port: {params['port']} is not a port number from 1 to 65535")
    if params["command"] and not params["facts"]:
        raise ValueError("command: allowed only with facts: true, for playbooks written for listen_ports_facts")
    if params["timeout"] < 0:
        raise ValueError(f"timeout: {params['timeout']} is not a number of seconds to wait")
    if address is not None:
        address = addresses.normalised(address)
        family = addresses.family_of(address)
    if unit is not None and "." not in unit:
        unit += ".service"  # as systemctl does
    return Query(family, tuple(params["protocol"]), params["port"], address, unit)


def wait(params, query):
    """Look until the expectation holds or the time is over.

    Returns the last result, a message if the expectation does not hold, and warnings.
    """
    deadline = time.monotonic() + params["timeout"]
    while True:
        warnings = []
        result, unmet = report.look(
            query,
            warnings.append,
            expect=params["expect"],
            processes=params["processes"],
            every_state=params["include_non_listening"],
            facts=params["facts"],
        )
        if unmet is None or time.monotonic() >= deadline:
            return result, unmet, warnings
        time.sleep(SECONDS_BETWEEN_LOOKS)


def main():
    filters = ["port", "address", "unit"]
    module = AnsibleModule(
        argument_spec=argument_spec(),
        required_if=[("expect", "listening", filters, True), ("expect", "free", filters, True)],
        supports_check_mode=True,
    )
    if not sys.platform.startswith("linux"):
        module.fail_json(msg=f"the socket tables of Linux are wanted, but this is {sys.platform}")
    try:
        result, unmet, warnings = wait(module.params, query_of(module.params))
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the socket tables of the kernel cannot be read: {error}")
    for warning in warnings:
        module.warn(warning)
    if unmet:
        waited = f" (waited {module.params['timeout']} s)" if module.params["timeout"] else ""
        module.fail_json(msg=unmet + waited, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
