#!/usr/bin/python
# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: page_info
version_added: 1.0.0
short_description: Read a page within a time limit
description:
  - Sends one GET, and returns the status and the first characters of the page. Follows no redirect.
  - If the page cannot be read, the module does not fail.
  - M(ansible.builtin.uri) reads the whole answer, and waits without limit if it arrives byte by byte, because its
    time-out starts again with each byte.
author: The flasklaunch founders (@flasklaunch)
options:
  url:
    description: The page.
    type: str
    required: true
  use_proxy:
    description: Whether to use the proxy that the environment names.
    type: bool
    default: true
  validate_certs:
    description: Whether to refuse a certificate that is not valid.
    type: bool
    default: true
extends_documentation_fragment:
  - flasklaunch.ec2.attributes
  - flasklaunch.ec2.page
seealso:
  - module: ansible.builtin.uri
  - module: flasklaunch.ec2.endpoint_probe
"""

EXAMPLES = r"""
- name: Read the page of a virtual host
  flasklaunch.ec2.page_info:
    url: http://127.0.0.1:5000/healthz
    host: shop.example
  register: page

- name: Check that the page is served
  ansible.builtin.assert:
    that: page.status == 200
    fail_msg: "{{ page.msg }}"
"""

RETURN = r"""
status:
  description: The HTTP status. V(-1) if there was no answer in time.
  returned: always
  type: int
  sample: 200
content:
  description: The first 2000 bytes of the page, as text.
  returned: always
  type: str
  sample: "Hello World\n"
msg:
  description: Why there is no good answer, as a part of a sentence. Empty for a status below 400.
  returned: always
  type: str
  sample: Connection refused
"""

import functools

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import page


def argument_spec():
    return dict(
        url=dict(required=True),
        host=dict(default=""),
        timeout=dict(type="int", default=10),
        use_proxy=dict(type="bool", default=True),
        validate_certs=dict(type="bool", default=True),
    )


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    if params["timeout"] < 1:
        module.fail_json(msg=f"timeout: {params['timeout']} is not a number of seconds to wait")
    connection = dict(use_proxy=params["use_proxy"], validate_certs=params["validate_certs"])
    opener = functools.partial(open_url, follow_redirects="none", **connection)
    found = page.read(opener, params["url"], params["host"], params["timeout"])
    module.exit_json(changed=False, **found._asdict())


if __name__ == "__main__":
    main()
