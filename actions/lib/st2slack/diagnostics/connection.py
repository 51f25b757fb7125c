"""How Slack is reached from here: through which proxy, and how far the clocks are apart."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, Optional
from urllib.parse import urlsplit

from st2slack.api.proxy import proxy_for
from st2slack.settings.slack import Settings

LONGEST = 10.0  # seconds for all tries of one call: people wait for the table
SKEW = 60.0  # seconds that the clocks may differ: TLS and the sensor's catch-up can do with that


def proxy_of(settings: Settings) -> str:
    """Host and port of the proxy that calls go through, and where it was named; "" for none."""
    found = proxy_for(settings.api_url, settings)
    named = "config key `proxy`" if settings.proxy else "environment"
    return "%s (%s)" % (_address(found), named) if found else ""


def hasty(settings: Settings) -> Settings:
    """The same, with calls that end soon."""
    return replace(settings, max_wait=min(settings.max_wait, LONGEST))


def _address(proxy: str) -> str:
    """Without user name and password."""
    parts = urlsplit(proxy if "://" in proxy else "http://" + proxy)
    port = ":%d" % parts.port if parts.port else ""
    return "%s%s" % (parts.hostname or "?", port)


def skew_of(response: Any, now: float) -> Optional[float]:
    """Seconds that the local clock is ahead of the server's; None where it does not tell."""
    try:
        return now - parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
