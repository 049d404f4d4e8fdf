#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group_rule
version_added: 0.1.0
short_description: Take one ingress rule out of EC2 security groups
description:
  - Takes one ingress rule out of one or more security groups and leaves every other rule, name and description alone.
  - M(amazon.aws.ec2_security_group) cannot do this. Its O(amazon.aws.ec2_security_group#module:state=absent) deletes
    the whole group, and its O(amazon.aws.ec2_security_group#module:purge_rules) needs the complete list of what is
    to stay.
  - A rule is known by its direction, protocol, ports and source. Its description does not count.
author: The flasklaunch founders (@flasklaunch)
options:
  group_ids:
    description: The groups to take the rule out of.
    type: list
    elements: str
    required: true
  protocol:
    description: The rule's protocol.
    type: str
    choices: [tcp, udp]
    default: tcp
  port:
    description: The rule's one port. A rule for a range of ports is another rule.
    type: int
    required: true
  cidrs:
    description: The rule's sources, IPv4 or IPv6 CIDR blocks.
    type: list
    elements: str
    required: true
  state:
    description: The rule is to be gone. To add one use M(amazon.aws.ec2_security_group).
    type: str
    choices: [absent]
    default: absent
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the rules that are taken away.
  platform:
    support: full
    platforms: posix
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Close port 5000, which was open to everybody
  flasklaunch.ec2.security_group_rule:
    group_ids: [sg-0123456789abcdef0]
    port: 5000
    cidrs: [0.0.0.0/0]
  delegate_to: localhost
"""

RETURN = r"""
rules:
  description: The rules that were taken away, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample:
    - cidr: 0.0.0.0/0
      description: Flask Server
      group_id: sg-0123456789abcdef0
      rule_id: sgr-0123456789abcdef0
"""

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws_describe import FAILURES, AwsModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._security_group import matching_rules


@AWSRetry.jittered_backoff()
def describe_rules(client, group_ids):
    """Return all rules of the groups; fails for a group that is not there."""
    client.describe_security_groups(GroupIds=group_ids)
    paginator = client.get_paginator("describe_security_group_rules")
    pages = paginator.paginate(Filters=[{"Name": "group-id", "Values": group_ids}])
    return pages.build_full_result()["SecurityGroupRules"]


def main():
    module = AwsModule(
        argument_spec=dict(
            group_ids=dict(type="list", elements="str", required=True),
            protocol=dict(type="str", choices=["tcp", "udp"], default="tcp"),
            port=dict(type="int", required=True),
            cidrs=dict(type="list", elements="str", required=True),
            state=dict(type="str", choices=["absent"], default="absent"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())
    try:
        there = describe_rules(client, params["group_ids"])
        rules = matching_rules(there, params["protocol"], params["port"], params["cidrs"])
        if not module.check_mode:
            for rule in rules:
                client.revoke_security_group_ingress(
                    GroupId=rule["group_id"], SecurityGroupRuleIds=[rule["rule_id"]], aws_retry=True
                )
    except FAILURES as error:
        failed = "Could not take the rule out of " + ", ".join(params["group_ids"])
        module.fail_refused(error, "", client.meta.region_name, failed)
    module.exit_json(changed=bool(rules), rules=rules, diff={"before": rules, "after": []})


if __name__ == "__main__":
    main()
