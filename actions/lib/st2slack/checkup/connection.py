"""How Slack is reached from here: through which proxy, and how far the clocks are apart."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Optional
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy, should_bypass_proxies

from st2slack.settings import Settings, is_loopback

SKEW = 60.0  # seconds that the clocks may differ: TLS and the sensor's catch-up can do with that


def proxy_of(settings: Settings) -> str:
    """Host and port of the proxy that calls go through, and where it was named; "" for none."""
    url = settings.api_url
    if is_loopback(url):
        return ""
    if settings.proxy:
        bypassed = should_bypass_proxies(url, no_proxy=None)
        return "" if bypassed else "%s (config key `proxy`)" % _address(settings.proxy)
    found = select_proxy(url, get_environ_proxies(url, no_proxy=None))
    return "%s (environment)" % _address(found) if found else ""


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
