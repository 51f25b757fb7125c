"""PURE: which requests the server answers, and the headers of its page's answers.

The page acts for everybody in the workspace and asks for no password; tokens and webhooks of the
loopback Slack are the same everywhere. So that no other page in the same browser can use them: only
names of loopback lead here (else a name that is made to point at 127.0.0.1 would), and what another
origin sends is refused. Clients that are no browser send no Origin and no Sec-Fetch-Site, and pass.
"""

from __future__ import annotations

import re
from typing import Container, Dict, Mapping

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


def refusal_reason(
    headers: Mapping[str, str], scheme: str, navigation: bool = False, names: Container[str] = ()
) -> str:
    """Why the request is refused, "" where it is not. `navigation`: it asks for the page itself,
    which a link elsewhere may lead to; `names`: other hosts that the server answers for."""
    host = headers.get("Host", "")
    if not is_loopback(host) and host not in names:
        return "This server is there under 127.0.0.1 and localhost only."
    origin = headers.get("Origin")
    if origin is not None and origin != "{}://{}".format(scheme, host):
        return "Another page is not allowed to use this server."
    site = headers.get("Sec-Fetch-Site", "none")
    if site not in ("same-origin", "none") and not navigation:
        return "Another page is not allowed to use this server."
    return ""


def is_loopback(host: str) -> bool:
    """True where a Host header names this machine itself, with any port or none."""
    return LOOPBACK.fullmatch(host) is not None
