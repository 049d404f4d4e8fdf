# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sites of a machine, each with its variables."""

from __future__ import annotations

DOCUMENTATION = """
name: sites
version_added: 1.0.0
short_description: The sites of a machine
description:
  - Returns a dictionary for each site of C(webserver_sites), or one for the site of the plain variables. It has the
    variables of the role C(webserver) with the values of this site.
  - Returns only one site if C(webserver_name) is given on the command line with C(-e).
  - A builtin filter cannot do this, because a default such as the one of C(webserver_dir) depends on other variables
    of the same site.
author: The flasklaunch founders (@flasklaunch)
options:
  _terms:
    description:
      - The names of the variables to return, besides C(webserver_name). Without names, all are returned. A variable
        that is not defined is left out. The role's own defaults are defined, also if it is not in the play, except for
        those that are made from other variables, such as C(webserver_url).
    type: list
    elements: str
  all:
    description: Returns also the sites that C(webserver_name) on the command line leaves out.
    type: bool
    default: false
  left_out:
    description: Returns only the sites that C(webserver_name) on the command line leaves out.
    type: bool
    default: false
"""

EXAMPLES = """
- name: List the ports of the sites
  ansible.builtin.debug:
    msg: "{{ query('flasklaunch.ec2.sites', 'webserver_port') | map(attribute='webserver_port') }}"
"""

RETURN = """
_raw:
  description: A dictionary for each site.
  type: list
  elements: dict
  sample:
    - webserver_name: shop
      webserver_port: 5001
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _variables
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import sites


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        wrong = _variables.errors("webserver", {sites.SITES: sites.entries(variables or {}, self._templar.template)})
        if wrong:
            raise AnsibleError(" ".join(wrong))
        extra = load_extra_vars(self._loader)
        of_each = sites.variables_of_each(variables or {}, self._templar.template, extra)
        names = (
            [sites.NAME, *terms] if terms else [name for name in _variables.ROLES["webserver"] if name != sites.SITES]
        )
        only = self._templar.template(extra[sites.NAME]) if sites.NAME in extra else None
        chosen = [name for name, _variables in of_each if kwargs.get("all") or only in (None, name)]
        return [
            {**self._values(names, of_site), sites.NAME: name}
            for name, of_site in of_each
            if (name in chosen) is not bool(kwargs.get("left_out"))
        ]

    def _values(self, names, variables):
        templar = Templar(loader=self._loader, variables=variables)
        return {name: templar.template(variables[name]) for name in names if name in variables}
