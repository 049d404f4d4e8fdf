# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of one of the collection's roles."""

from __future__ import annotations

DOCUMENTATION = """
name: variable_errors
version_added: 0.1.0
short_description: Check the variables of a role
description:
  - Returns a sentence for each wrong variable of a role of this collection. A variable is wrong if its value is not
    allowed, if its value uses a variable that does not exist, or if its name is a misspelling of a role's variable.
  - Reads the variables of the task that calls it. Asks no machine.
author: The flasklaunch founders (@flasklaunch)
options:
  _terms:
    description: The names of the roles, without the name of the collection.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
- name: Refuse wrong values before anything is done
  vars:
    wrong: "{{ query('flasklaunch.ec2.variable_errors', 'webserver') }}"
  ansible.builtin.assert:
    that: wrong | length == 0
    fail_msg: "{{ wrong | join(' ') }}"
"""

RETURN = """
_raw:
  description: The sentences. Secrets are not in them.
  type: list
  elements: str
  sample:
    - "webserver_port: 0 is not a TCP port from 1 to 65535. Example: webserver_port: 8080"
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _variables


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [sentence for role in terms for sentence in self._errors(role, variables or {})]

    def _errors(self, role, variables):
        if role not in _variables.ROLES:
            raise AnsibleError(f"There is no role {role}. The roles are {', '.join(_variables.ROLES)}.")
        values, sentences = {}, _variables.misspelt(role, variables)
        for name in sorted(_variables.sources(role)) + list(_variables.ROLES[role]):
            if name in variables:
                try:
                    values[name] = self._templar.template(variables[name])
                except AnsibleError as error:
                    reason = str(getattr(error, "message", error)).splitlines()[0].rstrip(".")
                    advice = _variables.missing_default(role, reason)
                    sentences.append(f"{name}: its value cannot be computed: {reason}.{advice}")
        return sentences + _variables.errors(role, values)
