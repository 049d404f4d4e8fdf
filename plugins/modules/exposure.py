#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exposure
version_added: 1.0.0
short_description: Say who can reach each listening port of many EC2 instances
description:
  - Takes the listening ports of machines, as M(flasklaunch.ec2.listening_ports) reports them, and says for each port
    whether nobody, the VPC, a part of the Internet or everybody can reach it.
  - Judges as M(flasklaunch.ec2.reachability) does, by security groups, network ACLs, routes, gateways, public
    addresses and VPC Block Public Access. It does not check host firewalls.
  - Asks AWS once for all machines together, not once for each. It sends no packet and changes nothing.
author: The flasklaunch founders (@flasklaunch)
options:
  machines:
    description: The machines and their listeners.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The machine's name in the result.
        type: str
        required: true
      instance_id:
        description: The id of the instance.
        type: str
      private_address:
        description:
          - An address that the machine sees on one of its interfaces, if the instance's id is not known. Only that
            interface counts then.
          - Without both, ports that are open to others than the machine itself are V(unknown).
        type: str
      listeners:
        description: The ports that it listens on.
        type: list
        elements: dict
        default: []
        suboptions:
          protocol:
            description: The protocol.
            type: str
            choices: [tcp, udp]
            default: tcp
          address:
            description:
              - The address that the socket is bound to. V(0.0.0.0) and V(::) stand for all interfaces.
              - A zone that begins with C(%) may follow it.
              - A socket with an IPv4-mapped address, such as V(::ffff:10.0.0.1), serves only IPv4 clients.
            type: str
            default: 0.0.0.0
          port:
            description: The port.
            type: int
            required: true
          family:
            description:
              - The address family of the clients that it serves. V(any) is for dual-stack sockets, and gives two
                entries in the result.
              - By default the family of O(machines[].listeners[].address).
            type: str
            choices: [ipv4, ipv6, any]
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Makes at most 7 calls for 1,000 instances that are named by id, one more for each managed prefix list that a rule
    for a port refers to, and one more for every 200 machines that are named by address.
  - Needs the permissions in C(files/iam-policy.json) of this collection that begin with C(Describe) or C(Get).
"""

EXAMPLES = r"""
- name: Read the listening ports
  hosts: webservers
  tasks:
    - name: Read the sockets
      flasklaunch.ec2.listening_ports:
      register: sockets

- name: See who can reach them
  hosts: localhost
  tasks:
    - name: Ask AWS, once for all machines
      flasklaunch.ec2.exposure:
        machines:
          - name: web1
            instance_id: i-0123456789abcdef0
            listeners:
              - {port: 5000, address: 0.0.0.0}
              - {port: 5432, address: 127.0.0.1}
      register: found

    - name: Show what is open to everybody
      ansible.builtin.debug:
        msg: "{{ found.exposure | selectattr('audience', 'eq', 'everybody') }}"
"""

RETURN = r"""
exposure:
  description: An entry for each listener and address family, in the order of O(machines).
  returned: success
  type: list
  elements: dict
  contains:
    machine:
      description: The machine's name.
      returned: success
      type: str
      sample: web1
    protocol:
      description: The protocol.
      returned: success
      type: str
      sample: tcp
    family:
      description: The address family of the clients, V(ipv4) or V(ipv6).
      returned: success
      type: str
      sample: ipv4
    address:
      description: The address that the socket is bound to.
      returned: success
      type: str
      sample: 0.0.0.0
    port:
      description: The port.
      returned: success
      type: int
      sample: 5000
    audience:
      description:
        - V(nobody) if only the machine itself gets in. V(vpc) if machines in the VPC or in other private networks get
          in. V(part) if some addresses on the Internet do. V(everybody) if all do.
        - V(unknown) if something that decides could not be read.
      returned: success
      type: str
      sample: everybody
    sources:
      description: The sources that get in, as CIDR blocks and ids of prefix lists and security groups.
      returned: success
      type: list
      elements: str
      sample: [0.0.0.0/0]
    resources:
      description: The ids of the instance, its interface, and the security groups or other resources that decide.
      returned: success
      type: list
      elements: str
      sample: [i-0123456789abcdef0, eni-0123456789abcdef0, sg-0123456789abcdef0]
    reason:
      description: Why, in a sentence.
      returned: success
      type: str
      sample: "Nothing else stops it: the interface lets in tcp/5000 from 0.0.0.0/0 (sg-0123456789abcdef0)."
"""

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.describe import AwsModule, Describe
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.exposure import ask_aws, normalised
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place

LISTENER = dict(
    protocol=dict(type="str", choices=["tcp", "udp"], default="tcp"),
    address=dict(type="str", default="0.0.0.0"),
    port=dict(type="int", required=True),
    family=dict(type="str", choices=["ipv4", "ipv6", "any"]),
)
MACHINE = dict(
    name=dict(type="str", required=True),
    instance_id=dict(type="str"),
    private_address=dict(type="str"),
    listeners=dict(type="list", elements="dict", default=[], options=LISTENER),
)


def main():
    module = AwsModule(
        argument_spec=dict(machines=dict(type="list", elements="dict", required=True, options=MACHINE)),
        supports_check_mode=True,
    )
    try:
        machines = normalised(module.params["machines"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, exposure=ask_aws(Describe(module), machines, Place(module.region, module.account)))


if __name__ == "__main__":
    main()
