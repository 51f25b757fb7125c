"""An invitation by users.admin.invite, a method that Slack never documented.

It lives on the workspace's own host and takes a legacy token of an administrator. Which of those
Slack still honours is not known. The fields `set_active` and `_attempts` are what Slack's own
invitation page used to send.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

from st2slack.api.client import Client
from st2slack.api.encoding import encode
from st2slack.api.methods import Method
from st2slack.api.request import Request
from st2slack.base.errors import InputError, SettingsError
from st2slack.base.ids import EMAIL, plain_argument
from st2slack.base.urls import host_of
from st2slack.settings.invite import InviteSettings
from st2slack.settings.slack import Settings
from st2slack.settings.values import check_token

METHOD = Method("users.admin.invite", writes=True, token_kinds=("admin",))

# One label of a host name: no dot, no slash, no port can lead the token elsewhere.
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# Hosts of Slack that have one of their own for each workspace. Anything else is a stand-in or a
# gateway, and keeps its address.
_HOSTS = ("slack.com", "slack-gov.com")


def invite(
    client: Client, own: InviteSettings, given: Mapping[str, Any], token: Optional[str] = None
) -> Any:
    """Invite somebody; Slack's whole answer.

    `given`: email, first_name, channels (comma-separated IDs), set_active, attempts; what is None
    comes from the config, `own`. Raises SettingsError and InputError before anything is sent.
    """
    fields = encode(_fields(own, given))
    bearer = _token(client.settings, token)
    request = Request(
        method=METHOD.name,
        url=address(client.settings.api_url, own.organization),
        fields=fields,
        token=bearer,
        secrets=(bearer, *client.settings.secrets()),
    )
    return client.call_with_retries(request, METHOD, client.send_and_check)


def address(api_url: str, organization: Optional[str]) -> str:
    """The URL of the method, on the workspace's own host. Raises SettingsError."""
    if not organization or not _LABEL.fullmatch(organization):
        raise SettingsError(
            "Config key `admin.organization` must be the NAME of NAME.slack.com, the address of "
            "the workspace: letters, digits and hyphens."
        )
    host = host_of(api_url)
    if host in _HOSTS:
        return "https://%s.%s/api/%s" % (organization.lower(), host, METHOD.name)
    return api_url + METHOD.name


def _token(settings: Settings, given: Optional[str]) -> str:
    if given and given.strip():
        return check_token(given, "Parameter `token`")
    token = settings.token_for(METHOD.token_kinds)
    if token is None:
        raise SettingsError(
            "%s needs a legacy token of an administrator. Set %s in the pack's config and run "
            "`st2ctl reload --register-configs`, or pass the parameter `token`."
            % (METHOD.name, settings.place_for(METHOD.token_kinds))
        )
    return token


def _fields(own: InviteSettings, given: Mapping[str, Any]) -> Dict[str, Any]:
    """What is sent. False and 0 are values; only what is None or an empty text is left out."""
    email = str(given.get("email") or "").strip()
    if not EMAIL.fullmatch(email):
        raise InputError("Parameter `email` must be one e-mail address, such as ana@example.com.")
    attempts = _or(given.get("attempts"), own.attempts)
    if attempts < 0:
        raise InputError("Parameter `attempts` must be 0 or more.")
    channels = given.get("channels") or ",".join(own.channels)
    fields = {
        "email": email,
        "first_name": given.get("first_name") or None,
        "channels": plain_argument("channels", channels, "channel") or None,
        "set_active": _or(given.get("set_active"), own.set_active),
        "_attempts": attempts,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _or(given: Any, configured: Any) -> Any:
    return configured if given is None else given
