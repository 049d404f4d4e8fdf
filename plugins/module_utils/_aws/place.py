# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The region and the account that an answer is about. Runs on the control node."""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

COMMAND = re.compile(r"\baws [a-z0-9]+ (?:wait )?[a-z0-9-]+")


class Place(NamedTuple):
    """The region and the account. The account is looked up only if an answer names it, and is None if unknown."""

    region: str | None = None
    account: Callable[[], str | None] = lambda: None

    def __str__(self) -> str:
        account = self.account()
        if not self.region:
            return f"in account {account}" if account else "in this account and region"
        return f"in region {self.region}" + (f" of account {account}" if account else "")

    def of_commands(self, text: str | None) -> str | None:
        """Return the text, with this region added to each command of the AWS CLI."""
        return COMMAND.sub(rf"\g<0> --region {self.region}", text) if text and self.region else text


HERE = Place()
