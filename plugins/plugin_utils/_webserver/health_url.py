# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change in any release.

"""The URL at which the control node checks a site's health."""

from __future__ import annotations

from urllib.parse import urlsplit


def health_url(url: str, path: str) -> str:
    """Return the URL of the health path of a site. If the site's URL has a path, return it unchanged."""
    parts = urlsplit(url)
    return url if parts.path.strip("/") or parts.query else parts._replace(path=path).geturl()
