# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a URL to the control node."""

from __future__ import annotations

DOCUMENTATION = """
name: page
version_added: 1.0.0
short_description: Read a page from the control node
description:
  - Sends one GET request from the control node and returns the answer, as M(flasklaunch.ec2.page_info) does from a
    managed node. A page that cannot be read is not an error.
  - Redirects are not followed.
  - M(flasklaunch.ec2.page_info) with C(delegate_to) takes about one second more of processor time for each host,
    because it starts another Python. The lookup P(ansible.builtin.url#lookup) fails if there is no good answer.
author: The flasklaunch founders (@flasklaunch)
options:
  _terms:
    description: The URLs of the pages.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - flasklaunch.ec2.page
seealso:
  - module: flasklaunch.ec2.page_info
"""

EXAMPLES = """
- name: Print what a site answers
  ansible.builtin.debug:
    msg: "{{ lookup('flasklaunch.ec2.page', 'http://127.0.0.1:5000/', timeout=2).msg }}"
"""

RETURN = """
_raw:
  description: A dictionary for each URL, as the result of M(flasklaunch.ec2.page_info).
  type: list
  elements: dict
  sample:
    - status: 200
      content: "Hello World\\n"
      msg: ""
"""

import functools

from ansible.module_utils.urls import open_url
from ansible.plugins.lookup import LookupBase
from ansible_collections.flasklaunch.ec2.plugins.module_utils._path import page


class LookupModule(LookupBase):
    def run(self, terms, variables=None, host="", timeout=10):
        opener = functools.partial(open_url, follow_redirects="none")
        return [page.read(opener, url, host, timeout)._asdict() for url in terms]
