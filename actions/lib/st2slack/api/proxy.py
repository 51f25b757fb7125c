"""The one rule for proxies, of the actions and of the sensor: which one leads to a URL.

The config's `proxy`, else HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, chosen by the scheme of the URL as
`requests` does it; none for this machine and for hosts that NO_PROXY lists.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Dict, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies

from requests.utils import get_environ_proxies, select_proxy, should_bypass_proxies

from st2slack.base.urls import is_loopback
from st2slack.settings.proxy import check_proxy
from st2slack.settings.slack import Settings

_NONE: Dict[str, Any] = {"http": None, "https": None, "all": None}  # for requests: no proxy at all
_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, settings: Settings) -> Optional[str]:
    """URL of the proxy that leads to `url`, with its scheme; None for none.

    Raises SettingsError, naming the variable, for one of the environment that cannot be used.
    """
    if is_loopback(url) or is_excluded(url):
        return None
    if settings.proxy:
        return settings.proxy
    found = select_proxy(url, getproxies())
    return check_proxy(found, _source(url, found)) if found else None


def proxies_for(url: str, settings: Settings) -> Optional[Dict[str, Any]]:
    """`proxies=` for requests; None where it finds the same by itself. Raises as proxy_for."""
    proxy = proxy_for(url, settings)
    by_itself = select_proxy(url, get_environ_proxies(url))
    if proxy is None:
        return dict(_NONE) if by_itself or is_loopback(url) else None
    return {"http": proxy, "https": proxy} if settings.proxy or not by_itself else None


def is_excluded(url: str) -> bool:
    """Whether NO_PROXY (or no_proxy) lists the host of `url`.

    Entries stand between commas or spaces: `*`, a host or domain (`.example.com`,
    `*.example.com`), one with a port, an address, a network (`10.0.0.0/8`).
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    text = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if not text:  # what the operating system excludes is known to requests
        return bool(should_bypass_proxies(url, no_proxy=None))
    # Not by requests, which takes ack.com for a domain of slack.com on Python 3.8.
    entries = re.split(r"[\s,]+", text.lower())
    return any(_covers(entry, host, port) for entry in entries if entry)


def _covers(entry: str, host: str, port: Optional[int]) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if address is not None:
        return _covers_address(entry, address, port)
    name, _, wanted = entry.partition(":")
    name = name.lstrip("*").lstrip(".")
    matches = bool(name) and (host == name or host.endswith("." + name))
    return matches and wanted in ("", str(port))


def _covers_address(entry: str, address: Any, port: Optional[int]) -> bool:
    text, wanted = entry, ""
    if entry.startswith("["):
        text, _, wanted = entry[1:].partition("]")
    elif entry.count(":") == 1:
        text, _, wanted = entry.partition(":")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return address in network and wanted.lstrip(":") in ("", str(port))


def _address(host: str) -> Any:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _source(url: str, value: str) -> str:
    """Where `value` was found, for errors."""
    wanted = (urlsplit(url).scheme + "_proxy", "all_proxy")
    names = [name for name in os.environ if name.lower() in wanted and os.environ[name] == value]
    return "Environment variable %s" % names[0] if names else "The system's proxy setting"
