"""Which values name a proxy that can be used, wherever they stand: config or environment."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional
from urllib.parse import SplitResult, urlsplit

from st2slack.base.errors import SettingsError

SUPPORTED = ("http", "https")
# Shown in the error. Any other text before :// is not: it may be part of a password.
_OTHER_SCHEMES = ("socks", "socks4", "socks4a", "socks5", "socks5h", "ftp", "ws", "wss", "file")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_PORT = re.compile(r"(?::([0-9]{1,5})?)?")


def check_proxy(url: Optional[str], where: str = "Config key `proxy`") -> Optional[str]:
    """`url` with its scheme, http:// where it has none; None for None.

    Raises SettingsError, which names `where` and never shows the URL: it may hold a password.
    """
    if url is None:
        return None
    whole = url if "://" in url else "http://" + url
    scheme = whole.partition("://")[0].lower()
    if scheme not in SUPPORTED and scheme.strip() == scheme:
        shown = "%s:// proxies are" % scheme if scheme in _OTHER_SCHEMES else "its scheme is"
        raise SettingsError(
            "%s: %s not supported. Use a proxy that speaks HTTP: http://HOST:PORT, or "
            "https://HOST:PORT where the proxy itself speaks TLS." % (where, shown)
        )
    if scheme not in SUPPORTED or not _is_usable(whole):
        raise SettingsError(
            "%s must be a URL such as http://proxy.example.com:3128: a host, a port from 1 to "
            "65535, no spaces and no path. Characters like /, @ or # in its password must be "
            "percent-encoded." % where
        )
    return whole


def _is_usable(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.path not in ("", "/") or parts.query or parts.fragment or url.endswith(("?", "#")):
        return False
    return _has_host_and_port(parts)


def _has_host_and_port(parts: SplitResult) -> bool:
    """Read from the text itself: what Python makes of brackets and ports depends on its version."""
    place = parts.netloc.rpartition("@")[2]
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        usable = _is_ipv6(host)
    else:
        host, colon, port = place.partition(":")
        port = colon + port
        usable = _HOST.fullmatch(host) is not None and ".." not in host
    found = _PORT.fullmatch(port)
    return usable and found is not None and _is_port(found.group(1))


def _is_port(digits: Optional[str]) -> bool:
    return digits is None or 0 < int(digits) < 65536


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
