"""Where a URL leads: the one place that decides it, for everything that carries a credential.

`urllib.parse` and urllib3 read odd URLs differently: of `https://evil\\[v1.slack.com]/x` the first
names a host of Slack's, and the second, which connects, goes to `evil`. So only plain URLs pass:

    scheme://host[:port][/path][?query][#fragment]

with an ASCII host name or IPv4 address, or the IPv6 loopback address in brackets. No user name or
password, no backslash, no other brackets, no control characters. Both parsers must agree on what
is left.

`parse_address` reads a URL; `safe_address` refuses plain http as well. `api/transport.py` compares
what was checked with the URL that requests has made of it, before anything is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Collection, Dict, Tuple
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

SLACK_DOMAINS = ("slack.com", "slack-gov.com")  # and all hosts below them
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST_HOST = 253  # characters (RFC 1035)
DEFAULT_PORTS: Dict[str, int] = {"http": 80, "https": 443, "ws": 80, "wss": 443}

# Whether there can be such a host is for the connection to say.
_HOST = r"\[::1\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_PLAIN = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>%s)(?::(?P<port>[1-9][0-9]{0,4}))?(?P<rest>[/?#].*)?" % _HOST
)
_REFUSED_IN_REST = re.compile(r"[\\\[\]]")


class UnclearUrl(ValueError):
    """It cannot be told with certainty where the URL leads. The text does not show the URL."""


class PlainHttp(UnclearUrl):
    """The URL leads to another machine without TLS. `host`: to which one."""

    def __init__(self, host: str) -> None:
        super().__init__("plain http to %s" % host)
        self.host = host


@dataclass(frozen=True)
class Address:
    """Where a URL leads. `scheme`, `host`: in lower case, `host` without brackets; `port`: the
    scheme's own where the URL has none.
    """

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it leads to this machine."""
        return self.host in LOOPBACK

    @property
    def is_default_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == DEFAULT_PORTS[self.scheme]


def parse_address(url: str) -> Address:
    """Where `url` leads, whatever its scheme. Raises UnclearUrl where that is not certain."""
    found = _PLAIN.fullmatch(url)
    if found is None or not url.isprintable() or _REFUSED_IN_REST.search(found["rest"] or ""):
        raise UnclearUrl("not a plain URL (scheme://host/path)")
    scheme, host = found["scheme"].lower(), found["host"].strip("[]").lower()
    if scheme not in DEFAULT_PORTS or len(host) > LONGEST_HOST:
        raise UnclearUrl("an unknown scheme, or a host name that is too long")
    address = Address(scheme, host, int(found["port"] or DEFAULT_PORTS[scheme]))
    if address.port > 65535 or not all(each == address for each in _as_parsers_read_it(url)):
        raise UnclearUrl("not a URL that every parser reads alike")
    return address


def _as_parsers_read_it(url: str) -> Tuple[Address, ...]:
    """What those two parsers read that decide where requests connects to."""
    try:
        of_urllib3, of_python = parse_url(url), urlsplit(url)
        hosts = (of_urllib3.host or "", of_python.hostname or "")
        ports = (of_urllib3.port, of_python.port)
    except (LocationParseError, ValueError):
        raise UnclearUrl("not a URL that every parser reads alike") from None
    schemes = (of_urllib3.scheme or "", of_python.scheme)
    return tuple(
        Address(scheme, host.strip("[]").lower(), port or DEFAULT_PORTS.get(scheme, 0))
        for scheme, host, port in zip(schemes, hosts, ports)
    )


def safe_address(url: str, plain_http_hosts: Collection[str] = ()) -> Address:
    """Where `url` leads, if what is sent there is not sent in clear text.

    Plain http is for this machine, and for hosts in `plain_http_hosts` (names in lower case).
    Raises UnclearUrl, or PlainHttp that names the host.
    """
    address = parse_address(url)
    if address.scheme not in ("http", "https"):
        raise UnclearUrl("neither https nor http")
    is_plain = address.scheme == "http" and not address.is_loopback
    if is_plain and address.host not in plain_http_hosts:
        raise PlainHttp(address.host)
    return address


def is_loopback(url: str) -> bool:
    """Whether `url` certainly leads to this machine."""
    try:
        return parse_address(url).is_loopback
    except UnclearUrl:
        return False


def host_of(url: str) -> str:
    """The host that `url` leads to, for messages; "?" where that is not certain."""
    try:
        return parse_address(url).host
    except UnclearUrl:
        return "?"


def is_slack_host(host: str) -> bool:
    """Whether a host name in lower case is one of Slack's."""
    return any(is_below(host, domain) for domain in SLACK_DOMAINS)


def is_below(host: str, domain: str) -> bool:
    """Whether `host` is the domain itself or stands below it."""
    return host == domain or host.endswith("." + domain)


def secret_parts(url: str) -> Tuple[str, ...]:
    """Parts of a URL that is a credential: as it stands, and as urllib3 sends and logs it.

    A path or query of a few letters is no credential; masking it would hide half of a message.
    """
    found = [url]
    try:
        parts, sent = urlsplit(url), parse_url(url)
        found += [parts.path.strip("/"), parts.query, (sent.path or "").strip("/")]
        found += [sent.query or "", sent.url]
    except (LocationParseError, ValueError):  # it is not sent
        pass
    return tuple(each for each in dict.fromkeys(found) if each == url or len(each) >= 8)
