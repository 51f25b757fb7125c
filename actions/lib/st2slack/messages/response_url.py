"""Answering by the `response_url` of a slash command or an interaction.

It takes up to 5 answers within 30 minutes, in a conversation where the app is not as well
(docs.slack.dev/interactivity/handling-user-interaction, "Message responses"). The URL is the
credential: it is never put into a message or a log line, and only Slack's own hosts are posted to.
"""

from __future__ import annotations

from typing import Any, Mapping

from st2slack.api.client import Client, rate_limited
from st2slack.api.methods import Method
from st2slack.api.transport import Request, beginning, foreign, refuse_redirect, trouble
from st2slack.base.errors import InputError, Refusal
from st2slack.base.redact import redact
from st2slack.base.urls import UnclearUrl, is_loopback, safe_address, secret_parts
from st2slack.messages.webhook import says_no
from st2slack.settings.slack import Settings

NAME = "The response_url"
HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_POST = Method(NAME, writes=True, takes_token=False)


def post(client: Client, url: str, message: Mapping[str, Any]) -> None:
    """Post the answer. Raises InputError for a URL that is none, else a Fault or a Refusal."""
    check(url, client.settings)
    secrets = (*secret_parts(url), *client.settings.secrets())
    request = Request(method=NAME, url=url, document=message, secrets=secrets)

    def attempt(request: Request, method: Method, left: float) -> None:
        _accept(client.send(request, left), request)

    client.persist(request, _POST, attempt)


def check(url: str, settings: Settings) -> None:
    """Raises InputError unless it is one that Slack gives out. The error does not show it."""
    if not url.isascii() or " " in url or not _is_slacks(url, settings):
        raise InputError(
            "Parameter `response_url` is not a URL of Slack's (https://hooks.slack.com/...). Hand "
            "over what the trigger has."
        )


def _is_slacks(url: str, settings: Settings) -> bool:
    try:
        address = safe_address(url)
    except UnclearUrl:
        return False
    if address.is_loopback:
        return is_loopback(settings.api_url)
    return address.host in HOSTS and address.is_default_port


def _accept(response: Any, request: Request) -> None:
    if response.status_code == 429:
        raise rate_limited(response, request)
    refuse_redirect(response, request)
    if response.status_code in range(500, 600):
        raise trouble(response, request)
    said = beginning(response, request)
    if response.status_code == 200 and says_no(response) is None:
        return
    if said.startswith("<"):
        raise foreign(response, request)
    text = "%s was refused by Slack (HTTP %s): %s. It takes 5 answers within 30 minutes." % (
        NAME,
        response.status_code,
        said or "no reason given",
    )
    raise Refusal(redact(text, request.secrets), NAME, said, {"ok": False, "error": said})
