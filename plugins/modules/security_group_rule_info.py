#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group_rule_info
version_added: 1.0.0
short_description: Find the security groups of many hosts, and the rules that are missing in them
description:
  - Finds for each host the network interface to which clients connect, and which of its security groups to change.
  - Returns the sources that no attached group admits to the host's TCP ports. A source is also admitted by a wider
    rule, or by several rules that cover it together. A prefix list counts by its entries, if they may be read
    (C(ec2:GetManagedPrefixListEntries)). Rules whose source is a group are not counted.
  - Asks AWS once for all hosts together, and changes nothing. Made for the security_group role of this collection.
author: The flasklaunch founders (@flasklaunch)
options:
  hosts:
    description: The hosts, each with the ports to open or close. Leave an id or address that is not known empty.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: The name of the host in the result.
        type: str
        required: true
      instance_id:
        description:
          - The id of the instance. If it has several network interfaces, the module chooses one with a public address,
            otherwise one with O(hosts[].address), otherwise the one with the lowest device index.
        type: str
        default: ""
      address:
        description: A private address of the host. It finds the instance if O(hosts[].instance_id) is empty.
        type: str
        default: ""
      group_id:
        description:
          - The id of the group to change. It must be attached to one of the instance's network interfaces.
          - If it is empty, the module chooses the first attached group that is not the VPC's C(default).
        type: str
        default: ""
      ports:
        description: The TCP ports.
        type: list
        elements: int
        required: true
      cidrs:
        description: The sources to admit, IPv4 or IPv6 CIDR blocks.
        type: list
        elements: str
        required: true
      description:
        description: The description by which rules of this collection are recognized.
        type: str
        default: ""
  play:
    description:
      - The hosts of the run that are not in O(hosts). Network interfaces that belong to neither count as other machines
        that need a rule.
    type: list
    elements: dict
    default: []
    suboptions:
      instance_id:
        description: The id of the instance.
        type: str
        default: ""
      address:
        description: A private address of the host.
        type: str
        default: ""
      ports:
        description: The TCP ports that the host serves. They count only if O(state) is V(former).
        type: list
        elements: int
        default: []
  state:
    description:
      - V(present) lists the rules that are missing.
      - V(absent) lists the rules that exist, and the network interfaces that need them.
      - V(former) is for ports that a host has served before. It lists the rules with exactly O(hosts[].description),
        from any source. Network interfaces of hosts in O(play) that have the port in O(play[].ports) need them too.
    type: str
    choices: [present, absent, former]
    default: present
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Find the group of two hosts
  flasklaunch.ec2.security_group_rule_info:
    hosts:
      - {host: web1, instance_id: i-0123456789abcdef0, ports: [5000], cidrs: [0.0.0.0/0]}
      - {host: web2, address: 10.0.0.6, ports: [5000, 8080], cidrs: [0.0.0.0/0]}
  register: found
  delegate_to: localhost

- name: Show what is missing
  ansible.builtin.debug:
    msg: "{{ found.rules }}"
"""

RETURN = r"""
hosts:
  description: The findings for each host, by its name.
  returned: success
  type: dict
  contains:
    error:
      description: Why no group was found. If it is not empty, the other values are not returned.
      returned: success
      type: str
      sample: ""
    interface_id:
      description: The network interface to which clients connect.
      returned: success
      type: str
      sample: eni-0123456789abcdef0
    group_id:
      description: The id of the group to change.
      returned: success
      type: str
      sample: sg-0123456789abcdef0
    group_name:
      description: The name of that group.
      returned: success
      type: str
      sample: web
    group_ids:
      description: All groups of the network interface.
      returned: success
      type: list
      elements: str
      sample: [sg-0123456789abcdef0]
    stale:
      description: Other ports that the group's rules with O(hosts[].description) open, with their sources.
      returned: success
      type: list
      elements: dict
      sample: [{port: 8080, cidrs: [0.0.0.0/0]}]
    access:
      description: The sources that the attached groups admit to each of O(hosts[].ports).
      returned: success
      type: list
      elements: dict
      contains:
        port:
          description: The port.
          returned: success
          type: int
          sample: 5000
        lacking:
          description: The sources in O(hosts[].cidrs) that no attached group admits.
          returned: success
          type: list
          elements: str
          sample: [0.0.0.0/0]
        beside:
          description: Other sources that an attached group admits to the port.
          returned: success
          type: list
          elements: str
          sample: [198.51.100.0/24]
        shut:
          description:
            - Other network interfaces of the instance with a public address whose groups do not admit the port.
          returned: success
          type: list
          elements: dict
          sample: []
        there:
          description:
            - The sources from which the group has a rule for exactly this port. If O(state) is V(absent), those of
              O(hosts[].cidrs). If it is V(former), all whose rule has exactly O(hosts[].description).
          returned: if O(state) is V(absent) or V(former)
          type: list
          elements: str
          sample: [0.0.0.0/0]
        needed_by:
          description:
            - The network interfaces that have the group and belong to no host of the run, or to one that serves the
              port. Empty if C(there) is empty.
            - C(name) is the name of the instance. C(instance_id) is empty if the interface does not belong to an
              instance, but for example to a load balancer.
          returned: if O(state) is V(absent) or V(former)
          type: list
          elements: dict
          sample: [{interface_id: eni-0fedcba9876543210, instance_id: i-0fedcba9876543210, name: web2}]
    sharing:
      description: How many other network interfaces have the group.
      returned: if one of RV(rules) is for the group
      type: int
      sample: 4
rules:
  description:
    - The rules to add or to remove, one item for each group and port.
    - If O(state) is V(absent) or V(former), C(needed_by) is as in RV(hosts).
  returned: success
  type: list
  elements: dict
  sample:
    - group_id: sg-0123456789abcdef0
      group_name: web
      port: 5000
      cidrs: [0.0.0.0/0]
      rule_description: Flask Server
"""

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.describe import AwsModule, Describe
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group_look import look
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.snapshot import NotRead

IDENTITY = dict(
    instance_id=dict(type="str", default=""),
    address=dict(type="str", default=""),
)
PLAY = dict(
    IDENTITY,
    ports=dict(type="list", elements="int", default=[]),
)
WISH = dict(
    IDENTITY,
    host=dict(type="str", required=True),
    group_id=dict(type="str", default=""),
    ports=dict(type="list", elements="int", required=True),
    cidrs=dict(type="list", elements="str", required=True),
    description=dict(type="str", default=""),
)


def main():
    module = AwsModule(
        argument_spec=dict(
            hosts=dict(type="list", elements="dict", required=True, options=WISH),
            play=dict(type="list", elements="dict", default=[], options=PLAY),
            state=dict(type="str", choices=["present", "absent", "former"], default="present"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    try:
        place = Place(module.region, module.account)
        hosts, rules = look(Describe(module), params["hosts"], params["play"], params["state"], place)
    except NotRead as error:
        module.fail_json(msg=str(error).removeprefix("Not known: "), fix="")
    module.exit_json(changed=False, hosts=hosts, rules=rules)


if __name__ == "__main__":
    main()
