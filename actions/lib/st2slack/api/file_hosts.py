"""Which hosts files are sent to, and fetched from with the token.

    fetched from   the host of `api_url`; slack.com and slack-gov.com, and what is below them
    sent to        the host of `api_url`; files.slack.com, or files.slack-gov.com (GovSlack)
    both           hosts that the config key `file_hosts` names, at any port

All of it over https, Slack's hosts at port 443. With an `api_url` on loopback, an upload may go to
any port there, over http too.
"""

from __future__ import annotations

from typing import Callable, Tuple

from st2slack.base.urls import (
    SLACK_DOMAINS,
    Address,
    UnclearUrl,
    is_below,
    is_slack_host,
    parse_address,
    safe_address,
)
from st2slack.settings.slack import Settings


def is_slacks(url: str, settings: Settings) -> bool:
    """Whether the token may be sent to this URL, to fetch a file."""
    return _leads_to(url, settings, _is_of_slack)


def takes_uploads(url: str, settings: Settings) -> bool:
    """Whether a file may be sent to this URL."""
    hosts = tuple("files." + domain for domain in _domains(parse_address(settings.api_url)))

    def is_for_files(address: Address) -> bool:
        if address.is_loopback:
            return parse_address(settings.api_url).is_loopback
        return address.host in hosts and address.is_default_port

    return _leads_to(url, settings, is_for_files)


def _leads_to(url: str, settings: Settings, is_known: Callable[[Address], bool]) -> bool:
    try:
        address, api = safe_address(url), parse_address(settings.api_url)
    except UnclearUrl:
        return False
    if address == api or is_known(address):
        return True
    return address.scheme == "https" and address.host in settings.file_hosts


def _is_of_slack(address: Address) -> bool:
    if address.scheme != "https" or not address.is_default_port:
        return False
    return is_slack_host(address.host)


def _domains(api: Address) -> Tuple[str, ...]:
    """The domain that the Web API is on; both, where it is reached through something else."""
    own = tuple(domain for domain in SLACK_DOMAINS if is_below(api.host, domain))
    return own or SLACK_DOMAINS
