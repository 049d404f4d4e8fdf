#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reachability
version_added: 1.0.0
short_description: Say whether clients reach an EC2 instance, address or load balancer, and what stops them
description:
  - Checks everything in AWS that is between a client and a socket. It reports whether a packet gets in, and whether its
    answer gets out.
  - Checks every hop, and names all broken ones in their order. For each hop it reports the ids of the resources, the
    rule that decides, and one thing to do.
  - Calculates with sets of addresses, not with samples. If only a part of the clients gets through, it says which.
  - A hop that the module is not allowed to read is V(unknown), never V(ok). Its evidence has AWS's message.
  - Sends no packet and changes nothing. It does not see the machine itself with its service and packet filter, AWS
    Network Firewall, and networks behind a transit gateway.
  - Unlike AWS's VPC Reachability Analyzer it costs nothing, knows IPv6, and follows a load balancer to its targets.
author: The flasklaunch founders (@flasklaunch)
options:
  instance_id:
    description:
      - The instance to reach. One of O(instance_id), O(address) and O(load_balancer_arn) is required.
      - If an instance has several addresses, the one that is easiest to reach counts.
    type: str
  address:
    description:
      - The address to reach, such as a public IPv4 address, an Elastic IP or an IPv6 address. It may belong to any
        network interface of an instance.
      - For a private address the module says which public address to use instead, unless O(source) is inside the
        VPC too.
    type: str
  load_balancer_arn:
    description: The Application or Network Load Balancer to reach.
    type: str
  port:
    description: The port to reach. For a load balancer this is the port of its listener.
    type: int
    default: 5000
  protocol:
    description: The protocol.
    type: str
    choices: [tcp, udp]
    default: tcp
  source:
    description:
      - Where the clients are, as a CIDR block. V(203.0.113.7/32) is one client.
      - By default the whole Internet, which is all public unicast addresses except those of the VPC itself.
    type: str
  family:
    description:
      - The address family that clients use. Each has its own rules, routes and addresses.
      - By default the family of O(address) or O(source), otherwise V(ipv4).
    type: str
    choices: [ipv4, ipv6]
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Makes 6 calls to AWS for an instance, up to 8 for an address, and 12 for a load balancer with one target group.
  - Makes one more call for each of these - the exclusions if VPC Block Public Access is on, a managed prefix list that
    decides something, each further target group, a listener to which another one redirects, a security group of another
    VPC, an internet gateway that only a route names, and the account if an answer names it.
  - If AWS throttles calls, the module waits and repeats them.
  - Needs the permissions in C(files/iam-policy.json) of this collection that begin with C(Describe) or C(Get).
  - If the instance or load balancer does not exist, the module does not fail but returns RV(verdict=unreachable). It
    fails only if AWS answers no call, for example without credentials or without a connection. Then C(msg) has the
    message of AWS or boto3, the region and the account, and C(fix) says what to do.
"""

EXAMPLES = r"""
- name: Ask why nobody reaches port 5000
  flasklaunch.ec2.reachability:
    instance_id: i-0123456789abcdef0
    port: 5000
  delegate_to: localhost
  register: way

- name: Show the answer
  ansible.builtin.debug:
    var: way.summary

- name: Make sure that one client reaches the site, and fail with the reason if it does not
  flasklaunch.ec2.reachability:
    address: 203.0.113.9
    port: 443
    source: 198.51.100.7/32
  delegate_to: localhost
  register: way
  failed_when: way is failed or way.verdict != 'reachable'

- name: Follow a load balancer to its targets, for clients with IPv6
  flasklaunch.ec2.reachability:
    load_balancer_arn: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/0123456789abcdef
    port: 80
    family: ipv6
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description:
    - V(reachable), V(partial) if only some of the clients get through, V(unreachable) if none does.
    - V(unknown) if no hop is broken, but one could not be read.
  returned: success
  type: str
  sample: unreachable
first_broken_hop:
  description:
    - The first hop that stops all clients. If there is none, the first one that stops some. V(null) if none does.
  returned: success
  type: str
  sample: security_group
broken_hops:
  description: All hops that stop clients, in the order of the packet and its answer.
  returned: success
  type: list
  elements: str
  sample: [security_group, route]
summary:
  description: One sentence with the answer, and what to do.
  returned: success
  type: str
  sample: >-
    tcp/5000 of i-0123456789abcdef0 cannot be reached from 0.0.0.0/0: No rule of eni-0123456789abcdef0's groups
    (sg-0123456789abcdef0 (web)) admits tcp/5000 from 0.0.0.0/0. tcp/22 is open. To fix it: aws ec2
    authorize-security-group-ingress --region eu-central-1 --group-id sg-0123456789abcdef0 --ip-permissions
    'IpProtocol=tcp,FromPort=5000,ToPort=5000,IpRanges=[{CidrIp=0.0.0.0/0}]'
notes:
  description: Notices of things that work now but may not last, such as an address that changes.
  returned: success
  type: list
  elements: str
  sample:
    - "203.0.113.9 is not an Elastic IP: stopping and starting the instance changes it, an Elastic IP would stay."
target:
  description: The target. Empty if it was not found. Values that do not apply are V(null).
  returned: success
  type: dict
  contains:
    instance_id:
      description: The instance.
      returned: if the target was found
      type: str
      sample: i-0123456789abcdef0
    interface_id:
      description: The network interface that was checked.
      returned: if the target was found
      type: str
      sample: eni-0123456789abcdef0
    subnet_id:
      description: The interface's subnet.
      returned: if the target was found
      type: str
      sample: subnet-0123456789abcdef0
    vpc_id:
      description: The VPC of the interface or load balancer.
      returned: if the target was found
      type: str
      sample: vpc-0123456789abcdef0
    private_address:
      description: The interface's primary IPv4 address.
      returned: if the target was found
      type: str
      sample: 10.0.0.5
    public_address:
      description: The address that clients connect to, of the family O(family).
      returned: if the target was found
      type: str
      sample: 203.0.113.9
    elastic_ip:
      description: Whether that is an Elastic IP, which stays. V(null) for IPv6, because all IPv6 addresses stay.
      returned: if the target was found
      type: bool
      sample: false
    load_balancer_arn:
      description: The load balancer.
      returned: if the target was found
      type: str
      sample: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/0123456789abcdef
    dns_name:
      description: The load balancer's name, which clients connect to.
      returned: if the target was found
      type: str
      sample: web-1234567890.eu-central-1.elb.amazonaws.com
hops:
  description: The hops, in the order of the packet and its answer.
  returned: success
  type: list
  elements: dict
  contains:
    hop:
      description:
        - Its name. For an instance or address V(target_exists), V(instance_state), V(public_address),
          V(block_public_access), V(internet_gateway), V(nacl_ingress), V(security_group), V(nacl_egress), V(route).
        - For a load balancer V(target_exists), V(public_address), V(block_public_access), V(lb_state), V(lb_scheme),
          V(internet_gateway), V(nacl_ingress), V(lb_security_group), V(lb_listener), V(target_group),
          V(target_health), V(lb_security_group_egress), V(target_nacl_ingress), V(security_group),
          V(target_nacl_egress), V(nacl_egress), V(route). There, V(security_group) is the targets' own.
      returned: success
      type: str
      sample: security_group
    verdict:
      description:
        - V(ok), V(broken), V(partial) if it stops some clients or requests, V(unknown) if it could not be read, or
          V(skipped) if there was nothing to check.
      returned: success
      type: str
      sample: broken
    code:
      description:
        - The explanation code of AWS's VPC Reachability Analyzer. If it has none, a code that begins with C(x-).
      returned: success
      type: str
      sample: ENI_SG_RULES_MISMATCH
    direction:
      description:
        - V(ingress) for requests and V(egress) for answers. V(null) if no packet passes, as for the instance's state.
      returned: success
      type: str
      sample: ingress
    resources:
      description: The ids of the resources that were checked, the one that decides first.
      returned: success
      type: list
      elements: str
      sample: [sg-0123456789abcdef0, eni-0123456789abcdef0]
    evidence:
      description: Why, in sentences for a person.
      returned: success
      type: str
      sample: >-
        No rule of eni-0123456789abcdef0's groups (sg-0123456789abcdef0 (web)) admits tcp/5000 from 0.0.0.0/0.
        tcp/22 is open.
    fix:
      description: The one thing to do, most often a command. V(null) if there is nothing to fix.
      returned: success
      type: str
      sample: >-
        aws ec2 authorize-security-group-ingress --region eu-central-1 --group-id sg-0123456789abcdef0 --ip-permissions
        'IpProtocol=tcp,FromPort=5000,ToPort=5000,IpRanges=[{CidrIp=0.0.0.0/0}]'
"""

from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.collect import ask_aws
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.describe import AwsModule, Describe
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.place import Place
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.reachability import asked


def main():
    module = AwsModule(
        argument_spec=dict(
            instance_id=dict(type="str"),
            address=dict(type="str"),
            load_balancer_arn=dict(type="str"),
            port=dict(type="int", default=5000),
            protocol=dict(type="str", choices=["tcp", "udp"], default="tcp"),
            source=dict(type="str"),
            family=dict(type="str", choices=["ipv4", "ipv6"]),
        ),
        mutually_exclusive=[("instance_id", "address", "load_balancer_arn")],
        required_one_of=[("instance_id", "address", "load_balancer_arn")],
        supports_check_mode=True,
    )
    try:
        question, wanted = asked(module.params)
    except ValueError as error:
        module.fail_json(msg=str(error))
    place = Place(module.region, module.account)
    module.exit_json(changed=False, **ask_aws(Describe(module), question, wanted, place))


if __name__ == "__main__":
    main()
