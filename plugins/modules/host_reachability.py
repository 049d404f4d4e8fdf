#!/usr/bin/python

# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_reachability
short_description: Follow an incoming connection on the machine, and report what stops it
version_added: 1.0.0
author:
  - The flasklaunch founders (@flasklaunch)
description:
  - Follows a new TCP connection from the machine's interface to the systemd unit that must answer it. For each hop it
    reports whether the connection gets through, and if not, why, and what to do.
  - Continues where M(flasklaunch.ec2.reachability) ends, and returns hops of the same shape.
  - Changes nothing on the managed node. It reads the kernel's tables, and runs C(systemctl show) and C(journalctl). To
    read the packet filter's rules, it runs C(nft) and C(iptables-save).
options:
  unit:
    description:
      - The systemd unit that must answer. A name without a suffix is a service.
      - A socket of the socket unit with the same name counts as the unit's own.
    type: str
    default: webserver.service
  port:
    description: The TCP port of the unit, 1 to 65535.
    type: int
    required: true
  entrance:
    description:
      - The TCP port to which clients connect, if it is not O(port). The module follows the connection from this port.
      - If a process of another unit listens there, the module takes it for a proxy in front of the unit, such as nginx.
      - If nothing listens there and the unit accepts clients itself, the module follows the connection to O(port), and
        RV(entrance) is O(port).
    type: int
  family:
    description: The address family that clients use.
    type: str
    choices: [ipv4, ipv6]
    default: ipv4
  private_addresses:
    description:
      - The addresses that EC2 delivers to. For IPv4 these are the private addresses of the instance's interfaces, for
        IPv6 all their addresses.
      - By default the address with which the machine itself connects to the Internet.
    type: list
    elements: str
    default: []
  source:
    description: The CIDR block of the clients. By default the whole Internet.
    type: str
  client:
    description:
      - The address of one client, such as the control node. If the packet filter stops this client but not all clients,
        the hop reports that.
    type: str
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
attributes:
  platform:
    platforms: Linux
notes:
  - Needs root to read the packet filter, the owners of sockets and SELinux's messages. A hop that cannot be read is
    V(unknown), never V(ok).
  - Reads nftables and iptables, which firewalld uses too. It does not see what XDP or traffic control programs drop.
seealso:
  - module: flasklaunch.ec2.reachability
  - module: flasklaunch.ec2.endpoint_probe
  - module: flasklaunch.ec2.listening_ports
"""

EXAMPLES = r"""
- name: Follow a connection through the machine
  flasklaunch.ec2.host_reachability:
    port: 5000
  become: true
  register: machine

- name: Show the broken hops
  ansible.builtin.debug:
    msg: "{{ item.evidence }} {{ item.fix }}"
  loop: "{{ machine.hops | selectattr('verdict', 'equalto', 'broken') }}"
  loop_control:
    label: "{{ item.hop }}"

- name: Follow a connection that nginx accepts and forwards to the unit
  flasklaunch.ec2.host_reachability:
    port: 5000
    entrance: 80
  become: true

- name: Follow a connection to nginx over IPv6
  flasklaunch.ec2.host_reachability:
    unit: nginx
    port: 443
    family: ipv6
  become: true
"""

RETURN = r"""
hops:
  description:
    - The hops in the order of the connection. They are V(host_firewall), V(listener), V(bound_address),
      V(accept_queue), V(unit) and V(selinux).
    - If there is a proxy, V(proxy_listener), V(proxy_bound_address) and V(proxy_accept_queue) come after
      V(host_firewall).
  returned: always
  type: list
  elements: dict
  contains:
    hop:
      description: The name of the hop.
      returned: always
      type: str
      sample: bound_address
    verdict:
      description:
        - V(ok) if it lets the connection through, V(broken) if not, V(partial) if only for some clients or addresses.
        - V(unknown) if it could not be read, V(skipped) if there was nothing to check because of another hop.
      returned: always
      type: str
      sample: broken
    code:
      description: The kind of fault, for programs. V(null) if there is none.
      returned: always
      type: str
      sample: x-BOUND_TO_LOOPBACK
    direction:
      description: Always V(ingress).
      returned: always
      type: str
      sample: ingress
    resources:
      description: The units, addresses or tables in the evidence.
      returned: always
      type: list
      elements: str
      sample: [10.0.1.20]
    evidence:
      description: What was found, in a sentence.
      returned: always
      type: str
      sample: >-
        gunicorn (pid 324, webserver.service) listens on 127.0.0.1:5000: only programs on the machine itself reach that;
        EC2 delivers to 10.0.1.20.
    fix:
      description: One command or one setting that fixes it.
      returned: always
      type: str
      sample: Make webserver.service listen on 0.0.0.0:5000.
entrance:
  description: The port to which clients connect. It is O(entrance) or O(port).
  returned: always
  type: int
  sample: 5000
private_addresses:
  description: The addresses that the module used as those that EC2 delivers to.
  returned: always
  type: list
  elements: str
  sample: [10.0.1.20]
journal:
  description: The unit's lines in the journal since its last start, at most the first 30 and the last 30.
  returned: always
  type: list
  elements: str
  sample:
    - "Traceback (most recent call last):"
    - "ModuleNotFoundError: No module named 'flsk'"
listening_ports:
  description:
    - The sockets that listen on O(port) and on RV(entrance), as M(flasklaunch.ec2.listening_ports) returns them.
  returned: always
  type: list
  elements: dict
  sample: []
"""

import ipaddress
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._basics.addresses import normalised
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.machine import Answer, Subject, look


def argument_spec():
    return dict(
        unit=dict(default="webserver.service"),
        port=dict(type="int", required=True),
        family=dict(choices=["ipv4", "ipv6"], default="ipv4"),
        private_addresses=dict(type="list", elements="str", default=[]),
        source=dict(),
        entrance=dict(type="int"),
        client=dict(),
    )


def subject_of(params):
    """Return the subject of the options. Raises ValueError with a text that begins with the wrong option's name."""
    for option in ("port", "entrance"):
        if params[option] is not None and not 1 <= params[option] <= 65535:
            raise ValueError(f"{option}: {params[option]} is not a port number from 1 to 65535")
    unit = params["unit"] if "." in params["unit"] else params["unit"] + ".service"  # as systemctl does
    try:
        addresses = tuple(normalised(address) for address in params["private_addresses"])
    except ValueError as error:
        raise ValueError(str(error).replace("address:", "private_addresses:", 1)) from None
    try:
        source = params["source"] and str(ipaddress.ip_network(params["source"]))
    except ValueError as error:
        raise ValueError(f"source: {error}") from None
    try:
        client = params["client"] and normalised(params["client"])
    except ValueError as error:
        raise ValueError(str(error).replace("address:", "client:", 1)) from None
    return Subject(
        unit, params["port"], params["family"], addresses, source or None, params["entrance"], client or None
    )


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not sys.platform.startswith("linux"):
        module.fail_json(msg=f"The machine must run Linux, not {sys.platform}.")

    def run(arguments):
        program = module.get_bin_path(arguments[0], opt_dirs=["/usr/sbin", "/sbin"])
        environment = {"LC_ALL": "C", "LANGUAGE": "C"}
        return program and Answer(*module.run_command([program] + arguments[1:], environ_update=environment))

    try:
        subject = subject_of(module.params)
        result = look(subject, run, module.warn)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"The kernel's socket tables cannot be read: {error}.")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
