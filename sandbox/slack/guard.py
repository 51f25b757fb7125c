"""PURE: which requests the page answers, and the headers of its answers.

The page acts for everybody in the workspace and asks for no password. So that no other page in the
same browser can use it: only names of loopback lead to it (else a name that is made to point at
127.0.0.1 would), and what another origin sends is refused.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping

LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?")
POLICY = (
    "default-src 'self'; connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def headers_for(host: str) -> Dict[str, str]:
    """The headers of an answer to who asked this Host."""
    # Not every browser takes 'self' for the WebSockets of the same host too.
    sockets = " ws://{0} wss://{0}".format(host) if is_loopback(host) else ""
    return {"Content-Security-Policy": POLICY.format(sockets=sockets), **HEADERS}


def objection(headers: Mapping[str, str], scheme: str, navigation: bool = False) -> str:
    """Why the request is refused, "" where it is not. `navigation`: it asks for the page itself,
    which a link elsewhere may lead to."""
    host = headers.get("Host", "")
    if not is_loopback(host):
        return "The page is there under 127.0.0.1 and localhost only."
    origin = headers.get("Origin")
    if origin is not None and origin != "{}://{}".format(scheme, host):
        return "Another page may not use this one."
    site = headers.get("Sec-Fetch-Site", "none")
    if site not in ("same-origin", "none") and not navigation:
        return "Another page may not use this one."
    return ""


def is_loopback(host: str) -> bool:
    """True where a Host header names this machine itself, with any port or none."""
    return LOOPBACK.fullmatch(host) is not None
