"""Answers by the `response_url` of a slash command or an interaction.

It accepts up to 5 answers within 30 minutes, also in a conversation where the app is no member
(docs.slack.dev/interactivity/handling-user-interaction, "Message responses"). The URL is the
credential: it is never put into a message or a log line, and it must lead to Slack's own hosts.
"""

from __future__ import annotations

from requests import Response

from st2slack.api.client import Client
from st2slack.api.methods import Method
from st2slack.api.request import Request
from st2slack.api.response import unexpected_response
from st2slack.base.errors import InputError, SlackApiError
from st2slack.base.json_access import JsonObject
from st2slack.base.redact import redact
from st2slack.base.urls import UnclearUrl, is_loopback, safe_address, secret_parts
from st2slack.messages.webhook import find_refusal_code, read_answer
from st2slack.settings.slack import Settings

NAME = "The response_url"
HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_POST = Method(NAME, writes=True, takes_token=False)


def post(client: Client, url: str, message: JsonObject) -> None:
    """Post the answer. Raises InputError if the URL is not Slack's, and what the call raises."""
    check(url, client.settings)
    secrets = (*secret_parts(url), *client.settings.secrets())
    request = Request(method=NAME, url=url, document=message, secrets=secrets)

    def attempt(request: Request, method: Method, left: float) -> None:
        _check_answer(client.send(request, left), request)

    client.call_with_retries(request, _POST, attempt)


def check(url: str, settings: Settings) -> None:
    """Raises InputError unless the URL is one of Slack's. The error does not show it."""
    if not url.isascii() or " " in url or not _is_slack_url(url, settings):
        raise InputError(
            "Parameter `response_url` is not a URL of Slack's (https://hooks.slack.com/...). Pass "
            "the one of the trigger unchanged."
        )


def _is_slack_url(url: str, settings: Settings) -> bool:
    try:
        address = safe_address(url)
    except UnclearUrl:
        return False
    if address.is_loopback:
        return is_loopback(settings.api_url)
    return address.host in HOSTS and address.is_default_port


def _check_answer(response: Response, request: Request) -> None:
    body = read_answer(response, request)
    if response.status_code == 200 and find_refusal_code(response) is None:
        return
    if body.startswith("<"):
        raise unexpected_response(response, request)
    text = "%s was refused by Slack (HTTP %s): %s. It accepts 5 answers within 30 minutes." % (
        NAME,
        response.status_code,
        body or "no reason given",
    )
    raise SlackApiError(redact(text, request.secrets), NAME, body, {"ok": False, "error": body})
