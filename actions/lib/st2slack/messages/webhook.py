"""Posts through an incoming webhook, for slack.post_message and slack.post_attachment.

The message is sent as in 2.x: as JSON text in the form field `payload`. Slack accepts that, and
Slack-compatible servers possibly accept nothing else. Webhooks of Workflow Builder accept JSON
only.

Slack's webhook answers the text `ok`, or one of a few error codes as plain text; one of Workflow
Builder `{"ok": true}`; Slack-compatible servers (Mattermost, Rocket.Chat) other words. So every
answer with HTTP 2xx that does not refuse means that the message was accepted: an error would have
it sent again. The URL is the credential: it is never put into the body, a message or a log line.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from requests import Response

from st2slack.api import error_help
from st2slack.api.client import Client, rate_limited
from st2slack.api.encoding import encode, encode_value
from st2slack.api.methods import Method
from st2slack.api.request import Request
from st2slack.api.response import (
    excerpt,
    first_text,
    has_text,
    read_json,
    refuse_redirect,
    server_error,
    unexpected_response,
)
from st2slack.base.errors import InputError, SettingsError, SlackApiError
from st2slack.base.ids import plain_argument
from st2slack.base.json_access import JsonObject, as_object, as_text, find_as_object
from st2slack.base.redact import redact
from st2slack.base.urls import (
    PlainHttp,
    UnclearUrl,
    host_of,
    is_slack_host,
    safe_address,
    secret_parts,
)
from st2slack.settings.slack import Settings

NAME = "The webhook"
_WORKFLOW_BUILDER = ("/triggers/", "/workflows/")  # how the paths of its webhooks begin
_POST = Method(NAME, writes=True, takes_token=False)

# Plain-text codes (SLACK.md; docs.slack.dev, "Sending messages using incoming webhooks").
_MEANINGS: Mapping[str, Tuple[str, str]] = {
    "invalid_payload": (
        "Slack cannot read the message, or a part of it is malformed",
        "Check the form of `blocks` or `attachment`.",
    ),
    "no_text": ("the message is empty", "Give `message`, `blocks` or `attachment`."),
    "channel_not_found": (
        "there is no such channel, or the webhook's owner cannot see it",
        "Check `channel`, or leave it out: the webhook has a channel of its own.",
    ),
    "channel_is_archived": (
        "the channel is archived",
        "Unarchive it, or make a webhook for another channel.",
    ),
    "action_prohibited": (
        "an administrator has restricted this webhook",
        "Ask an administrator of the workspace.",
    ),
    "posting_to_general_channel_denied": (
        "only some members are allowed to post to the general channel",
        "Post to another channel, or ask an administrator.",
    ),
    "no_service": (
        "the webhook was removed or is disabled",
        "Make a new one on the app's page and put its URL into {place}.",
    ),
    "no_service_id": (
        "a part of the webhook's URL is missing",
        "Copy the whole URL from the app's page into {place}.",
    ),
    "no_active_hooks": (
        "the webhook is disabled",
        "Enable it, or make a new one and put its URL into {place}.",
    ),
    "no_team": (
        "the workspace of the webhook is gone, or a part of its URL is wrong",
        "Copy the whole URL from the app's page into {place}.",
    ),
    "team_disabled": ("the workspace is no longer active", "Use a webhook of another one."),
    "invalid_token": (
        "the webhook's URL is not valid (any more)",
        "Copy it again from the app's page into {place}.",
    ),
    "user_not_found": (
        "the user that `channel` names, or the webhook's owner, does not exist",
        "Check `channel`, or make a new webhook.",
    ),
    "too_many_attachments": ("there are more than 100 attachments", "Split the message."),
    "rollup_error": ("Slack had an internal error", "Try again later."),
}


def build(
    settings: Settings, content: Mapping[str, object], parameters: Mapping[str, object]
) -> JsonObject:
    """The message: `content`, and how it appears, from `parameters` or else from the config.

    `parameters` has channel, username, icon_emoji, icon_url, disable_formatting, thread_ts, blocks;
    what is None or empty is not sent.
    """
    message = dict(content)
    for key in ("channel", "username", "icon_emoji", "icon_url"):
        message[key] = parameters.get(key) or settings.webhook.get(key)
    message["channel"] = plain_argument("channel", message["channel"], "channel")
    message["thread_ts"] = parameters.get("thread_ts")
    message["blocks"] = parameters.get("blocks")
    if parameters.get("disable_formatting"):
        message["parse"] = "none"
    encode(message)  # raises for what cannot be sent
    return {key: value for key, value in message.items() if value not in (None, "", [])}


def find_url(settings: Settings, parameter: Optional[str]) -> str:
    """The webhook's URL: `parameter`, else the config's. A SettingsError does not show it."""
    url = (parameter or "").strip() or settings.webhook.get("webhook_url")
    if not url:
        raise SettingsError(
            "Posting needs a webhook. %s, or pass the parameter `webhook_url`."
            % settings.how_to_set(_config_place(settings), "webhook_url")
        )
    where = "Parameter `webhook_url`" if parameter else "Config key %s" % _config_place(settings)
    return _checked_url(url, where, settings)


def post(client: Client, url: str, message: Mapping[str, object]) -> bool:
    """Post the message; True when Slack accepted it. Raises TransportError or SlackApiError."""
    request = _request(url, message, (*secret_parts(url), *client.settings.secrets()))

    def attempt(request: Request, method: Method, left: float) -> bool:
        return _check_answer(client.send(request, left), request, client.settings)

    return bool(client.call_with_retries(request, _POST, attempt))


def _request(url: str, message: Mapping[str, object], secrets: Tuple[str, ...]) -> Request:
    if is_slack_host(host_of(url)) and urlsplit(url).path.startswith(_WORKFLOW_BUILDER):
        return Request(method=NAME, url=url, secrets=secrets, document=message)
    fields = [("payload", encode_value("payload", message))]
    return Request(method=NAME, url=url, secrets=secrets, fields=fields)


def _check_answer(response: Response, request: Request, settings: Settings) -> bool:
    """True if the message was accepted; else raises."""
    body = read_answer(response, request)
    code, status = find_refusal_code(response), response.status_code
    if status in range(200, 300) and (code is None or not has_text(response)):
        return True
    if body.startswith("<") or (status not in range(200, 300) and not body):
        raise unexpected_response(response, request)
    raise _refusal(redact(code or "", request.secrets) or body, status, request, settings)


def read_answer(response: Response, request: Request) -> str:
    """The beginning of an answer's body. Raises for rate limits, redirects and errors of Slack's
    side.
    """
    if response.status_code == 429:
        raise rate_limited(response, request)
    refuse_redirect(response, request)
    if response.status_code in range(500, 600):
        raise server_error(response, request)
    return excerpt(response, request)


def find_refusal_code(response: Response) -> Optional[str]:
    """The error code of an answer that refuses, "" if it has none; None if it does not refuse.

    An answer refuses with `ok` or `success` false, with an `error`, with a word that is a known
    error code, and with HTML, which does not come from Slack's webhooks.
    """
    text = first_text(response).strip()
    document = _read_document(response) if text[:1] in ("{", '"', "f") else None
    members = find_as_object(document)
    if members is not None:
        return _find_code_in(members)
    if document is False or text.startswith("<"):
        return ""
    word = as_text(document) or text
    return word if word in _MEANINGS or error_help.is_known(word) else None


def _read_document(response: Response) -> object:
    try:
        document: object = read_json(response)
    except (ValueError, RecursionError):
        return None
    return document


def _find_code_in(members: JsonObject) -> Optional[str]:
    verdict, error = members.get("ok", members.get("success")), members.get("error")
    if verdict is False or (error and verdict is not True):
        return as_text(error)
    return None


def _refusal(code: str, status: int, request: Request, settings: Settings) -> SlackApiError:
    unknown = ("", "Slack's page about incoming webhooks lists its codes.")
    meaning, advice = _MEANINGS.get(code, unknown)
    text = "%s was refused by Slack (HTTP %s): %s" % (NAME, status, code)
    text += " (%s). " % meaning if meaning else ". "
    text += advice.format(place=_config_place(settings))
    return SlackApiError(redact(text, request.secrets), NAME, code, {"ok": False, "error": code})


def _checked_url(url: str, where: str, settings: Settings) -> str:
    if url.startswith("{{"):
        raise SettingsError(
            "%s still contains a template: StackStorm did not find its value." % where
        )
    try:
        safe_address(url, [each for each in settings.plain_http_hosts if not is_slack_host(each)])
    except PlainHttp as error:
        raise _plain_http_error(error.host, where, settings) from None
    except UnclearUrl:
        raise SettingsError(_NO_WEBHOOK % where) from None
    if not url.isascii() or " " in url:
        raise SettingsError(_NO_WEBHOOK % where)
    return url


_NO_WEBHOOK = "%s is not the URL of a webhook (https://hooks.slack.com/...)."


def _plain_http_error(host: str, where: str, settings: Settings) -> SettingsError:
    if is_slack_host(host):
        return SettingsError("%s must begin with https://, as all webhooks of Slack." % where)
    key = _config_place(settings, "plain_http_hosts")
    return SettingsError(
        "%s must begin with https://. A host that has no TLS must be in %s; then everybody on "
        "the network between can read the messages and the URL." % (where, key)
    )


def _config_place(settings: Settings, key: str = "webhook_url") -> str:
    """Where the key stands in the config, in words."""
    of = "" if settings.workspace is None else " of the workspace %r" % settings.workspace
    return "`post_message_action.%s`%s" % (key, of)


def as_attachments(attachment: object) -> List[JsonObject]:
    """The list that Slack takes, from the one object that the action takes."""
    members = as_object(attachment)
    if not members:
        raise InputError('Parameter `attachment` must be an object, e.g. {"text": "..."}.')
    return [members]
