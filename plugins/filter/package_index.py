# Copyright: (c) 2026, The flasklaunch founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the flask role about the package index, before pip is on the machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


def first_stop(index_url: str, proxy: str) -> dict[str, Any]:
    """Return `{variable, host, port}` of the proxy or index, set by the user, to which pip connects first.

    The result is empty if neither is set, because only pip knows its default index, and if the index is a folder. The
    result never has the URL's user name or password. plugin_utils/_variables.py has checked both URLs.
    """
    if index_url.startswith("file:") or not (proxy or index_url):
        return {}
    # pip accepts a proxy without a scheme, but not an index without one.
    parsed = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else urlsplit(index_url)
    return {
        "variable": "flask_pip_proxy" if proxy else "flask_pip_index_url",
        "host": parsed.hostname,
        "port": parsed.port or PORTS[parsed.scheme],
    }


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict:
        return {"first_stop": first_stop}
