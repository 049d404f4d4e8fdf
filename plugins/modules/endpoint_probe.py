#!/usr/bin/python

# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_probe
short_description: See a URL as a client does, hop by hop
version_added: 0.1.0
author:
  - The flasklaunch founders (@flasklaunch)
description:
  - Asks for a page and says how far that got, be it the name, the connection, TLS, the answer, or whose answer it is.
  - A page that cannot be reached is no failure of the module. It fails only for options that make no sense.
  - Runs where the client is, which may be the control node or the machine itself, and connects directly, whatever
    proxy the environment names.
options:
  url:
    description: The page to ask for, with V(http://) or V(https://). Redirections are told, and not followed.
    type: str
    required: true
  expected:
    description: A text that the answer holds if it is the right application's.
    type: str
  timeout:
    description: How many seconds to wait for a name server, for each address, and for the answer.
    type: int
    default: 5
  family:
    description: Take addresses of this family alone.
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
- name: See the page as the control node sees it
  flasklaunch.ec2.endpoint_probe:
    url: http://203.0.113.10:5000/
    expected: Hello World
  delegate_to: localhost
  register: seen

- name: Say at which hop it ends
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
      description: V(ok), V(broken), V(unknown), or V(skipped) where an earlier hop left nothing to ask.
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
      description: The addresses or names that the evidence speaks of.
      returned: always
      type: list
      elements: str
      sample: [203.0.113.10]
    evidence:
      description: What was seen, in a sentence.
      returned: always
      type: str
      sample: "203.0.113.10:5000: nothing came back: what was sent is dropped on the way (waited 5 seconds)."
    fix:
      description: What to do, where the client alone can tell.
      returned: always
      type: str
      sample: Open http://203.0.113.10:5000/
saw:
  description: What was seen, for programs. What the probe did not get to is V(null).
  returned: always
  type: dict
  contains:
    url:
      description: The URL that was asked for.
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
      description: What became of each address that was tried, with the keys C(address) and C(outcome).
      returned: always
      type: list
      elements: dict
      sample: [{address: 203.0.113.10, outcome: answered}]
    address:
      description: The address that answered, else the one whose outcome tells most.
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
        - Of any other failure the system's own words.
      returned: always
      type: str
      sample: answered
    tls:
      description: V(ok), V(certificate), V(plain) where plain HTTP is spoken, or V(failed).
      returned: always
      type: str
      sample: ok
    status:
      description: The HTTP status.
      returned: always
      type: int
      sample: 200
    server:
      description: What the server calls itself.
      returned: always
      type: str
      sample: gunicorn
    location:
      description: Where a redirection leads.
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
      description: How long it took.
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
            raise ValueError(f"timeout: {params['timeout']} is no number of seconds to wait")
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **probe(target, params["expected"], params["timeout"], params["family"]))


if __name__ == "__main__":
    main()
