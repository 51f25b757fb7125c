"""Posting through an incoming webhook: one builder and one sender for both actions.

The message travels as in 2.x: as JSON text in the form field `payload`, which Slack takes, and what
stands in Slack's place may take nothing else. Webhooks of Workflow Builder take JSON only.

Slack's webhook answers the text `ok`, or one of a few error codes as plain text; one of Workflow
Builder `{"ok": true}`; Slack-compatible servers (Mattermost, Rocket.Chat) other words. So whatever
comes with HTTP 2xx and does not say no means that the message was taken: an error would have it
sent again. Its URL is the credential: it is never put into the body, a message or a log line.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from st2slack.api import error_help
from st2slack.api.client import Client, rate_limited
from st2slack.api.encoding import encode, encode_value
from st2slack.api.methods import Method
from st2slack.api.transport import (
    Request,
    beginning,
    first_text,
    foreign,
    has_text,
    read_json,
    refuse_redirect,
    trouble,
)
from st2slack.base.errors import InputError, Refusal, SettingsError
from st2slack.base.ids import plain_argument
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
        "an administrator has restricted what this webhook may do",
        "Ask an administrator of the workspace.",
    ),
    "posting_to_general_channel_denied": (
        "only some members may post to the general channel",
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
    "rollup_error": ("Slack had a fault of its own", "Try again later."),
}


def build(
    settings: Settings, content: Mapping[str, Any], given: Mapping[str, Any]
) -> Dict[str, Any]:
    """The message: `content`, and how it appears, as `given` or as the config says.

    `given` has channel, username, icon_emoji, icon_url, disable_formatting, thread_ts, blocks;
    what is None or empty is not sent.
    """
    defaults = settings.webhook
    message = dict(content)
    for key in ("channel", "username", "icon_emoji", "icon_url"):
        message[key] = given.get(key) or defaults.get(key)
    message["channel"] = plain_argument("channel", message["channel"], "channel")
    message["thread_ts"] = given.get("thread_ts")
    message["blocks"] = given.get("blocks")
    if given.get("disable_formatting"):
        message["parse"] = "none"
    encode(message)  # names what cannot be sent
    return {key: value for key, value in message.items() if value not in (None, "", [])}


def find_url(settings: Settings, given: Optional[str]) -> str:
    """The webhook's URL: `given`, else the config's. A SettingsError does not show it."""
    url = (given or "").strip() or settings.webhook.get("webhook_url")
    if not url:
        raise SettingsError(
            "Posting needs a webhook. %s, or pass the parameter `webhook_url`."
            % settings.how_to_set(_place(settings), "webhook_url")
        )
    where = "Parameter `webhook_url`" if given else "Config key %s" % _place(settings)
    return _checked(url, where, settings)


def post(client: Client, url: str, message: Mapping[str, Any]) -> bool:
    """Post the message; True when Slack took it. Raises a Fault or a Refusal otherwise."""
    secrets = (*secret_parts(url), *client.settings.secrets())
    request = Request(method=NAME, url=url, secrets=secrets, **_body(url, message))

    def attempt(request: Request, method: Method, left: float) -> bool:
        return _accept(client.send(request, left), request, client.settings)

    return bool(client.persist(request, _POST, attempt))


def _body(url: str, message: Mapping[str, Any]) -> Dict[str, Any]:
    """How the message is put into a Request."""
    if is_slack_host(host_of(url)) and urlsplit(url).path.startswith(_WORKFLOW_BUILDER):
        return {"document": message}
    return {"fields": [("payload", encode_value("payload", message))]}


def _accept(response: Any, request: Request, settings: Settings) -> bool:
    status = response.status_code
    if status == 429:
        raise rate_limited(response, request)
    refuse_redirect(response, request)
    if status in range(500, 600):
        raise trouble(response, request)
    said = beginning(response, request)
    no = says_no(response)
    if status in range(200, 300):
        if no is None or not has_text(response):
            return True
    elif not said:
        raise foreign(response, request)
    if said.startswith("<"):
        raise foreign(response, request)
    raise _refusal(redact(no or "", request.secrets) or said, status, request, settings)


def says_no(response: Any) -> Optional[str]:
    """The code with which an answer says no, "" where it has none; None where it does not say no.

    It says no with `ok` or `success` false, with an `error`, with a word that is known to be an
    error code, and with HTML, which comes from somebody else.
    """
    text = first_text(response).strip()
    try:
        document = read_json(response) if text[:1] in ("{", '"', "f") else None
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        verdict = document.get("ok", document.get("success"))
        error = document.get("error")
        if verdict is False or (error and verdict is not True):
            return error if isinstance(error, str) else ""
        return None
    if document is False or text.startswith("<"):
        return ""
    word = document if isinstance(document, str) else text
    return word if word in _MEANINGS or error_help.is_known(word) else None


def _refusal(code: str, status: Any, request: Request, settings: Settings) -> Refusal:
    unknown = ("", "Slack's page about incoming webhooks lists its codes.")
    meaning, advice = _MEANINGS.get(code, unknown)
    text = "%s was refused by Slack (HTTP %s): %s" % (NAME, status, code)
    text += " (%s). " % meaning if meaning else ". "
    text += advice.format(place=_place(settings))
    return Refusal(redact(text, request.secrets), NAME, code, {"ok": False, "error": code})


def _checked(url: str, where: str, settings: Settings) -> str:
    if url.startswith("{{"):
        raise SettingsError("%s still holds a template: StackStorm did not find its value." % where)
    try:
        safe_address(url, [each for each in settings.plain_http_hosts if not is_slack_host(each)])
    except PlainHttp as error:
        raise _plain_http(error.host, where, settings) from None
    except UnclearUrl:
        raise SettingsError(_NO_WEBHOOK % where) from None
    if not url.isascii() or " " in url:
        raise SettingsError(_NO_WEBHOOK % where)
    return url


_NO_WEBHOOK = "%s is not the URL of a webhook (https://hooks.slack.com/...)."


def _plain_http(host: str, where: str, settings: Settings) -> SettingsError:
    if is_slack_host(host):
        return SettingsError("%s must begin with https://, as all webhooks of Slack." % where)
    key = _place(settings, "plain_http_hosts")
    return SettingsError(
        "%s must begin with https://. For a host that has no TLS, name it in %s: whoever is on "
        "the way can then read the messages and the URL." % (where, key)
    )


def _place(settings: Settings, key: str = "webhook_url") -> str:
    """Where the key stands in the config, in words."""
    of = "" if settings.workspace is None else " of the workspace %r" % settings.workspace
    return "`post_message_action.%s`%s" % (key, of)


def attachments_of(attachment: Any) -> List[Mapping[str, Any]]:
    """The list that Slack wants, of the one object that the action takes."""
    if not isinstance(attachment, Mapping) or not attachment:
        raise InputError('Parameter `attachment` must be an object, e.g. {"text": "..."}.')
    return [attachment]
