#!/usr/bin/python

# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_probe
short_description: Request a URL as a client does, and report each hop
version_added: 1.0.0
author:
  - The flasklaunch founders (@flasklaunch)
description:
  - Requests a page, and reports on the name, the connection, TLS and the answer, and whether the answer comes from the
    right application.
  - If the page cannot be reached, the module does not fail. It fails only for options that are not valid.
  - Runs on the client, which may be the control node or the machine itself. It connects directly, even if the
    environment names a proxy.
options:
  url:
    description:
      - The page to request, with V(http://) or V(https://). The module reports redirects, and does not follow them.
    type: str
    required: true
  expected:
    description: A text that the answer of the right application contains.
    type: str
  timeout:
    description: How many seconds to wait for a name server, for each address, and for the answer.
    type: int
    default: 5
  family:
    description: Use only addresses of this family.
    type: str
    choices: [ipv4, ipv6]
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
seealso:
  - module: ansible.builtin.uri
  - module: flasklaunch.ec2.host_reachability
  - module: flasklaunch.ec2.reachability
"""

EXAMPLES = r"""
- name: Request the page from the control node
  flasklaunch.ec2.endpoint_probe:
    url: http://203.0.113.10:5000/
    expected: Hello World
  delegate_to: localhost
  register: seen

- name: Show the broken hop
  ansible.builtin.debug:
    msg: "{{ item.hop }}: {{ item.evidence }}"
  loop: "{{ seen.hops | selectattr('verdict', 'equalto', 'broken') }}"
  loop_control:
    label: "{{ item.hop }}"
"""

RETURN = r"""
hops:
  description: The hops V(dns), V(tcp), V(tls), V(http) and V(application), in this order.
  returned: always
  type: list
  elements: dict
  contains:
    hop:
      description: The name of the hop.
      returned: always
      type: str
      sample: tcp
    verdict:
      description: V(ok), V(broken), V(unknown), or V(skipped) if there was nothing to check because of an earlier hop.
      returned: always
      type: str
      sample: broken
    code:
      description: The kind of fault, for programs. V(null) if there is none.
      returned: always
      type: str
      sample: x-TCP_TIMED_OUT
    direction:
      description: Always V(ingress).
      returned: always
      type: str
      sample: ingress
    resources:
      description: The addresses or names in the evidence.
      returned: always
      type: list
      elements: str
      sample: [203.0.113.10]
    evidence:
      description: The finding, in a sentence.
      returned: always
      type: str
      sample: "203.0.113.10:5000: no answer came: packets are dropped on the path (waited 5 seconds)."
    fix:
      description: What to do. V(null) if the client cannot know it.
      returned: always
      type: str
      sample: Open http://203.0.113.10:5000/
saw:
  description: The findings, for programs. Values that the probe did not reach are V(null).
  returned: always
  type: dict
  contains:
    url:
      description: The URL that was requested.
      returned: always
      type: str
      sample: http://203.0.113.10:5000/
    addresses:
      description: The addresses of the host, in the order in which they are tried.
      returned: always
      type: list
      elements: str
      sample: [203.0.113.10]
    attempts:
      description: The outcome of each address that was tried, with the keys C(address) and C(outcome).
      returned: always
      type: list
      elements: dict
      sample: [{address: 203.0.113.10, outcome: answered}]
    address:
      description: The address that answered. If none did, the one with the most informative outcome.
      returned: always
      type: str
      sample: 203.0.113.10
    source_address:
      description: The client's own address of the connection. Behind address translation (NAT), the site sees another
        one.
      returned: always
      type: str
      sample: 198.51.100.7
    tcp:
      description:
        - V(answered), V(refused), V(timed_out), V(no_route), V(no_network) or V(forbidden).
        - For any other failure, the message of the system.
      returned: always
      type: str
      sample: answered
    tls:
      description: V(ok), V(certificate), V(plain) if the server speaks plain HTTP, or V(failed).
      returned: always
      type: str
      sample: ok
    status:
      description: The HTTP status.
      returned: always
      type: int
      sample: 200
    server:
      description: The server's name for itself, from the header C(Server).
      returned: always
      type: str
      sample: gunicorn
    location:
      description: The target of a redirect.
      returned: always
      type: str
      sample: /login
    body_start:
      description: The first 200 characters of the answer, as one line.
      returned: always
      type: str
      sample: Hello World
    body_sha256:
      description: The SHA-256 digest of the answer, of which at most 1 MiB is read.
      returned: always
      type: str
      sample: d2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26
    seconds:
      description: How long the probe took, in seconds.
      returned: always
      type: float
      sample: 0.012
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path.endpoint import probe, target_of


def argument_spec():
    return dict(
        url=dict(required=True),
        expected=dict(),
        timeout=dict(type="int", default=5),
        family=dict(choices=["ipv4", "ipv6"]),
    )


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    try:
        target = target_of(params["url"])
        if params["timeout"] < 1:
            raise ValueError(f"timeout: {params['timeout']} is not a number of seconds to wait")
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **probe(target, params["expected"], params["timeout"], params["family"]))


if __name__ == "__main__":
    main()
