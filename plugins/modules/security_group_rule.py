#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: security_group_rule
version_added: 0.1.0
short_description: Add one ingress rule to EC2 security groups, or remove it, by the groups' ids
description:
  - Adds or removes one ingress rule in one or more security groups. It changes no other rule, no name and no
    description.
  - M(amazon.aws.ec2_security_group) finds a group by its name, and changes the description of an existing rule. Its
    O(amazon.aws.ec2_security_group#module:state=absent) deletes the whole group, and its
    O(amazon.aws.ec2_security_group#module:purge_rules) needs the complete list of the rules to keep.
  - A rule is identified by its direction, protocol, ports and source, not by its description.
author: The flasklaunch founders (@flasklaunch)
options:
  group_ids:
    description: The ids of the groups.
    type: list
    elements: str
    required: true
  protocol:
    description: The rule's protocol.
    type: str
    choices: [tcp, udp]
    default: tcp
  port:
    description: The rule's port. A rule for a range of ports is another rule.
    type: int
    required: true
  cidrs:
    description: The rule's sources, IPv4 or IPv6 CIDR blocks.
    type: list
    elements: str
    required: true
  description:
    description: The description of a rule that is added. An existing rule keeps its description.
    type: str
    default: ""
  state:
    description:
      - V(present) adds the rule. After a change the module reads the groups again, and fails if they do not have the
        rule. If somebody else adds the rule at the same moment, the module does not fail.
      - V(absent) removes the rule. If somebody else removes it at the same moment, the module does not fail.
    type: str
    choices: [present, absent]
    default: absent
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  diff_mode:
    support: full
    details: Shows the rules that are added or removed, one line for each.
"""

EXAMPLES = r"""
- name: Open port 5000 to everybody
  flasklaunch.ec2.security_group_rule:
    group_ids: [sg-0123456789abcdef0]
    port: 5000
    cidrs: [0.0.0.0/0]
    description: Flask Server
    state: present
  delegate_to: localhost

- name: Close port 5000, which was open to everybody
  flasklaunch.ec2.security_group_rule:
    group_ids: [sg-0123456789abcdef0]
    port: 5000
    cidrs: [0.0.0.0/0]
  delegate_to: localhost
"""

RETURN = r"""
rules:
  description:
    - The rules that were added or removed. In check mode, the rules that would be added or removed.
    - A rule that would be added has an empty C(rule_id).
  returned: success
  type: list
  elements: dict
  sample:
    - cidr: 0.0.0.0/0
      description: Flask Server
      group_id: sg-0123456789abcdef0
      rule_id: sgr-0123456789abcdef0
"""

import time

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.chunks import chunks
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.describe import FAILURES, AwsModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._aws.security_group import (
    cidr_errors,
    matching_rules,
    permission,
    rule_lines,
    rules_to_add,
)

READS = 6  # how often to read the groups after a rule was added, because EC2's answers may be some seconds old
ADDED_BY_OTHERS = ("InvalidPermission.Duplicate",)
TAKEN_OUT_BY_OTHERS = ("InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound")


class Rules:
    """The ingress rules for the port, the sources and the groups in the options of the module."""

    def __init__(self, module):
        self.params = module.params
        self.client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())

    def there(self):
        """Return the rules that exist. Fails if a group does not exist."""
        rules = [rule for ids in chunks(self.params["group_ids"]) for rule in _describe(self.client, ids)]
        return matching_rules(rules, self.params["protocol"], self.params["port"], self.params["cidrs"])

    def missing(self):
        """Return the rules that do not exist yet."""
        return [
            {"group_id": group_id, "cidr": cidr, "description": self.params["description"], "rule_id": ""}
            for group_id, cidr in rules_to_add(self.there(), self.params["group_ids"], self.params["cidrs"])
        ]

    def add(self, rule):
        """Add one rule. Return False if somebody else has just added it."""
        entry = permission(self.params["protocol"], self.params["port"], rule["cidr"], rule["description"])
        authorize = self.client.authorize_security_group_ingress
        return _unless(ADDED_BY_OTHERS, authorize, GroupId=rule["group_id"], IpPermissions=[entry])

    def take_out(self, rule):
        """Remove one rule. Return False if somebody else has just removed it."""
        revoke = self.client.revoke_security_group_ingress
        return _unless(TAKEN_OUT_BY_OTHERS, revoke, GroupId=rule["group_id"], SecurityGroupRuleIds=[rule["rule_id"]])


@AWSRetry.jittered_backoff()
def _describe(client, group_ids):
    """Return all rules of the groups. Fails if a group does not exist."""
    client.describe_security_groups(GroupIds=group_ids)
    paginator = client.get_paginator("describe_security_group_rules")
    pages = paginator.paginate(Filters=[{"Name": "group-id", "Values": group_ids}])
    return pages.build_full_result()["SecurityGroupRules"]


def _unless(codes, call, **arguments):
    """Return True if the call succeeds, and False if EC2 refuses it with one of these codes."""
    try:
        call(aws_retry=True, **arguments)
    except FAILURES as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") not in codes:
            raise
        return False
    return True


def close(module, rules):
    found = rules.there()
    return [rule for rule in found if module.check_mode or rules.take_out(rule)]


def open_(module, rules):
    missing = rules.missing()
    if module.check_mode or not missing:
        return missing
    added = [(rule["group_id"], rule["cidr"]) for rule in missing if rules.add(rule)]
    for read in range(READS):
        there = rules.there()
        lacking = rules_to_add(there, module.params["group_ids"], module.params["cidrs"])
        if not lacking:
            return [rule for rule in there if (rule["group_id"], rule["cidr"]) in added]
        if read < READS - 1:
            time.sleep(read + 1)
    named = ", ".join(f"{cidr} in {group_id}" for group_id, cidr in lacking)
    module.fail_json(
        msg=f"EC2 accepted the rule, but after {sum(range(READS))} seconds it still does not list it: {named}. Somebody"
        " may have removed it"
    )


def main():
    module = AwsModule(
        argument_spec=dict(
            group_ids=dict(type="list", elements="str", required=True),
            protocol=dict(type="str", choices=["tcp", "udp"], default="tcp"),
            port=dict(type="int", required=True),
            cidrs=dict(type="list", elements="str", required=True),
            description=dict(type="str", default=""),
            state=dict(type="str", choices=["present", "absent"], default="absent"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    errors = cidr_errors(params["cidrs"])
    if errors:
        module.fail_json(msg=f"cidrs: {'; '.join(errors)}")
    adds = params["state"] == "present"
    rules = Rules(module)
    try:
        changed = (open_ if adds else close)(module, rules)
    except FAILURES as error:
        what = "add the rule to" if adds else "remove the rule from"
        failed = f"Could not {what} {', '.join(params['group_ids'])}"
        module.fail_refused(error, "", rules.client.meta.region_name, failed)
    lines = rule_lines(changed, params["protocol"], params["port"])
    diff = {"before": "" if adds else lines, "after": lines if adds else ""}
    module.exit_json(changed=bool(changed), rules=changed, diff=diff)


if __name__ == "__main__":
    main()
