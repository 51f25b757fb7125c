"""How to get to Slack, and with which tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from st2slack.base.errors import SettingsError
from st2slack.base.urls import PlainHttp, UnclearUrl, safe_address
from st2slack.settings.proxy import check_proxy
from st2slack.settings.values import (
    check_token,
    entry_of,
    hosts_of,
    is_set_empty,
    object_of,
    seconds_of,
    text_of,
    token_of,
)

DEFAULT_API_URL = "https://slack.com/api/"
DEFAULT_MAX_WAIT = 60.0
# Kind of token (as etc/slack/web_api.json names it) → config keys that may hold one, best first.
# `action_token` comes last everywhere: 2.x had no other key, and Slack says so if it will not do.
TOKEN_KEYS = {
    "bot": ("action_token",),
    "user": ("user_token", "action_token"),
    "configuration": ("config_token", "action_token"),
    "app": ("app_token", "action_token"),
    "admin": ("admin_token",),  # a legacy administrator's may do too much to be mixed up
}
WEBHOOK_KEYS = ("webhook_url", "channel", "username", "icon_emoji", "icon_url")
_TOP_LEVEL_NAMES = {"app_token": "sensor.app_token", "admin_token": "admin.admin_token"}
_ENTRY_NAMES = {"admin_token": "admin.admin_token"}


@dataclass(frozen=True)
class Settings:
    """One workspace as the config describes it. `tokens`: config key → token, only those set.

    `file_hosts`: more hosts, in lower case, that files are sent to and fetched from.
    `plain_http_hosts`: host names that a webhook's http:// URL is allowed for.
    `empty`: config keys of credentials that are set without a value, which is what StackStorm makes
    of a datastore key that does not exist.
    """

    workspace: Optional[str] = None
    api_url: str = DEFAULT_API_URL
    team_id: Optional[str] = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook: Mapping[str, str] = field(default_factory=dict, repr=False)
    plain_http_hosts: Tuple[str, ...] = ()
    max_wait: float = DEFAULT_MAX_WAIT
    proxy: Optional[str] = field(default=None, repr=False)
    ca_bundle: Optional[str] = None
    file_hosts: Tuple[str, ...] = ()
    empty: Tuple[str, ...] = ()

    def token_for(self, kinds: Tuple[str, ...]) -> Optional[str]:
        """The configured token that suits a method which takes these kinds of token."""
        return next((self.tokens[key] for key in self._keys_for(kinds) if key in self.tokens), None)

    def with_bot_token(self, token: str) -> Settings:
        """The same with another token for what bots may do."""
        return replace(self, tokens=dict(self.tokens, action_token=token))

    def place_for(self, kinds: Tuple[str, ...]) -> str:
        """Where in the config the token belongs that a method of these kinds wants, in words."""
        return self._place_of(self._keys_for(kinds)[0])

    def _place_of(self, key: str) -> str:
        if self.workspace is None:
            return "`%s`" % _TOP_LEVEL_NAMES.get(key, key)
        key = _ENTRY_NAMES.get(key, key)
        return "`%s` of the workspace %r under `workspaces`" % (key, self.workspace)

    def how_to_set(self, place: str, key: str) -> str:
        """What to do where the credential at `place` (in words) is missing; `key`: its name."""
        if key in self.empty:
            return (
                "%s is set in the config but came out empty: does the datastore have it? Store the "
                "key that the config names (`st2 key list` shows those that are there)" % place
            )
        return "Set %s in the pack's config and run `st2ctl reload --register-configs`" % place

    def how_to_set_token(self, kinds: Tuple[str, ...]) -> str:
        """The same for the token that a method of these kinds wants."""
        keys = self._keys_for(kinds)
        key = next((each for each in keys if each in self.empty), keys[0])
        return self.how_to_set(self._place_of(key), key)

    def secrets(self) -> List[str]:
        """Everything of these settings that must not appear anywhere."""
        password = urlsplit(self.proxy).password if self.proxy else None
        url = self.webhook.get("webhook_url")
        own = {password, unquote(password or ""), url}
        return [*self.tokens.values(), *(each for each in own if each)]

    @staticmethod
    def _keys_for(kinds: Tuple[str, ...]) -> Tuple[str, ...]:
        # A method for bot or user tokens takes the token that 2.x used for everything.
        best = "bot" if "bot" in kinds or not kinds else kinds[0]
        return TOKEN_KEYS.get(best, TOKEN_KEYS["bot"])


def read_settings(config: Mapping[str, Any], workspace: Optional[str] = None) -> Settings:
    """The settings of `workspace`, or of the top level when it is None or empty.

    Raises SettingsError, naming the key, for a value that cannot be used.
    """
    own: Mapping[str, Any] = entry_of(config, workspace) if workspace else config
    section = "post_message_action"
    return replace(
        read_route(config, workspace),
        tokens=_tokens(own),
        webhook=_webhook(own),
        plain_http_hosts=hosts_of(object_of(own, section), "plain_http_hosts", section),
        empty=_empty(own),
    )


def read_route(config: Mapping[str, Any], workspace: Optional[str] = None) -> Settings:
    """The same without credentials: how to get to Slack."""
    entry = entry_of(config, workspace) if workspace else {}
    own: Mapping[str, Any] = entry if workspace else config
    api_url = check_api_url(
        text_of(entry, "api_url") or text_of(config, "api_url") or DEFAULT_API_URL
    )
    return Settings(
        workspace=workspace or None,
        api_url=api_url,
        team_id=text_of(own, "team_id"),
        max_wait=seconds_of(config, "max_wait", DEFAULT_MAX_WAIT),
        proxy=check_proxy(text_of(entry, "proxy") or text_of(config, "proxy")),
        ca_bundle=text_of(entry, "ca_bundle") or text_of(config, "ca_bundle"),
        file_hosts=hosts_of(entry, "file_hosts") or hosts_of(config, "file_hosts"),
    )


@dataclass(frozen=True)
class Credential:
    """One credential as it stands in the config, usable or not.

    `place`: its config key, for people; `belongs`: what belongs there: bot, user, configuration,
    app, classic (a classic app's bot token), admin (a legacy one) or webhook; `fault`: why it
    cannot be used, "" where it can.
    """

    place: str
    belongs: str
    text: str = field(repr=False)
    fault: str = ""


# (section or "", key) of the top level; an entry of `workspaces` has those of the sensor directly.
_CREDENTIALS = (
    ("", "action_token", "bot"),
    ("", "user_token", "user"),
    ("", "config_token", "configuration"),
    ("sensor", "app_token", "app"),
    ("sensor", "token", "classic"),
    ("post_message_action", "webhook_url", "webhook"),
    ("admin", "admin_token", "admin"),
)

_BLANK_IN_2X = ("token", "admin_token")


def credentials(
    config: Mapping[str, Any], workspace: Optional[str] = None, empty: bool = False
) -> List[Credential]:
    """Every credential of a workspace that is set, those that cannot be used too.

    `empty`: those, instead, that stand in the config without a value. An empty text for the two
    that 2.x had by default (sensor.token, admin.admin_token) means that they are not used.
    """
    own: Mapping[str, Any] = entry_of(config, workspace) if workspace else config
    prefix = "workspaces[%s]." % workspace if workspace else ""
    found = []
    for section, key, belongs in _CREDENTIALS:
        direct = bool(workspace) and section == "sensor"
        values = object_of(own, section) if section and not direct else own
        place = prefix + (key if direct or not section else "%s.%s" % (section, key))
        if empty and is_set_empty(values, key) and not (values[key] == "" and key in _BLANK_IN_2X):
            found.append(Credential(place, belongs, ""))
        elif not empty and key in values and not is_set_empty(values, key):
            found.append(_credential(values, key, place, belongs))
    return found


def find_missing_bot_token(config: Mapping[str, Any], workspace: str) -> str:
    """Place of `action_token` where other tokens are set but not this one, which most methods need;
    "" where it is there, or nothing needs it."""
    have = {each.belongs for each in credentials(config, workspace)}
    have |= {each.belongs for each in credentials(config, workspace, empty=True)}
    if have & {"bot", "classic"} or not have & {"user", "app"}:
        return ""
    return ("workspaces[%s]." % workspace if workspace else "") + "action_token"


def _credential(values: Mapping[str, Any], key: str, place: str, belongs: str) -> Credential:
    where = "Config key `%s`" % place
    try:
        text = text_of(values, key) or ""
        return Credential(
            place, belongs, text if belongs == "webhook" else check_token(text, where)
        )
    except SettingsError as error:
        return Credential(place, belongs, "", str(error))


def check_api_url(url: str) -> str:
    """`url` with a slash at its end, if it is one that a token may be sent to."""
    try:
        safe_address(url)
    except PlainHttp as error:
        raise SettingsError(
            "Config key `api_url` must begin with https:// (plain http would send "
            "the token in clear text to %s)." % error.host
        ) from None
    except UnclearUrl:
        raise SettingsError(
            "Config key `api_url` must be a URL such as %s: a plain host name, no user name, no "
            "password, no backslash, no brackets." % DEFAULT_API_URL
        ) from None
    if "?" in url or "#" in url or " " in url or not url.isascii():
        raise SettingsError("Config key `api_url` must be a URL such as %s" % DEFAULT_API_URL)
    return url if url.endswith("/") else url + "/"


def _empty(own: Mapping[str, Any]) -> Tuple[str, ...]:
    """Keys of credentials that are set without a value."""
    sensor, webhook = object_of(own, "sensor"), object_of(own, "post_message_action")
    places = [(own, key) for key in ("action_token", "user_token", "config_token", "app_token")]
    places += [(sensor, "app_token"), (webhook, "webhook_url")]
    return tuple(key for values, key in places if is_set_empty(values, key))


def _tokens(own: Mapping[str, Any]) -> Dict[str, str]:
    sensor = object_of(own, "sensor")
    found = {
        "action_token": token_of(own, "action_token"),
        "user_token": token_of(own, "user_token"),
        "config_token": token_of(own, "config_token"),
        "app_token": token_of(own, "app_token") or token_of(sensor, "app_token"),
        "admin_token": token_of(object_of(own, "admin"), "admin_token"),
    }
    return {key: token for key, token in found.items() if token}


def _webhook(own: Mapping[str, Any]) -> Dict[str, str]:
    """Defaults of post_message and post_attachment, only those set."""
    given = object_of(own, "post_message_action")
    found = {key: text_of(given, key) for key in WEBHOOK_KEYS}
    return {key: text for key, text in found.items() if text}
