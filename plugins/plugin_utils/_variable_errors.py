# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""What is wrong with the variables of one of the collection's roles, with templates among their values."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.errors import AnsibleError
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils import _variables
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import sites as https_sites
from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._webserver import requirements, sites

# The roles whose variables each site may have, and what two sites cannot share.
SHARED = {"webserver": sites.shared, "https": https_sites.shared}


class VariableErrors:
    """`templar` is that of a task, and `reads_application` tells whether to read the application of each site too."""

    def __init__(self, loader: Any, templar: Any, reads_application: bool = False):
        self._loader, self._templar, self._reads_application = loader, templar, reads_application

    def of(self, role: str, variables: Mapping[str, Any]) -> list[str]:
        """Return a sentence for each wrong variable of a role, which is one of `_variables.ROLES`."""
        if role not in SHARED or not variables.get(sites.SITES):
            return self._values(role, variables)[1]
        listed = {sites.SITES: sites.entries(variables, self._templar.template)}
        return _variables.errors("webserver", listed) or self._errors_of_sites(role, variables)

    def _errors_of_sites(self, role: str, variables: Mapping[str, Any]) -> list[str]:
        extra = load_extra_vars(self._loader)
        of_each = sites.variables_of_each(variables, self._templar.template, extra)
        only = self._templar.template(extra[sites.NAME]) if sites.NAME in extra else None
        unknown = sites.chosen((name for name, _variables_of_site in of_each), only)
        if unknown:
            return [unknown]
        found = [(name, *self._values(role, of_site)) for name, of_site in of_each]
        wrong = sites.joined([(name, sentences) for name, _values, sentences in found])
        return wrong or SHARED[role]([values for _name, values, _sentences in found])

    def _values(self, role: str, variables: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the values of the role's variables, and a sentence for each wrong value."""
        # Roles read variables of the webserver role, which may not be in the play.
        with_defaults = {**sites.plain_defaults(), **variables}
        templar = Templar(loader=self._loader, variables=with_defaults)
        values, sentences = {}, _variables.misspelt(role, variables)
        if role == "https":
            variables = with_defaults  # site.yml includes the role only if it is wanted
        for name in [*sorted(_variables.sources(role)), *_variables.READ_TOO.get(role, ()), *_variables.ROLES[role]]:
            if name in variables:
                try:
                    values[name] = templar.template(variables[name])
                except AnsibleError as error:
                    reason = str(getattr(error, "message", error)).splitlines()[0].rstrip(".")
                    advice = _variables.missing_default(role, reason)
                    sentences.append(f"{name}: its value cannot be computed: {reason}.{advice}")
        sentences += _variables.errors(role, values)
        if not sentences and role == "webserver" and self._reads_application:
            sentences += requirements.errors_of_folder(values)
        if not sentences and role == "https" and _variables.as_boolean(values["https_enabled"]):
            # Imported only here, because the library behind it takes a tenth of a second.
            from ansible_collections.flasklaunch.ec2.plugins.plugin_utils._https import certificate

            names = https_sites.names_of(values["https_names"])
            sentences += certificate.errors(values["https_certificate_src"], values["https_certificate_key"], names)
        return values, sentences
