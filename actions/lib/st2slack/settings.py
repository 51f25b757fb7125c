"""The pack's config as frozen values; the ONLY reader of config keys.

    api_url       where the Web API is; default https://slack.com/api/
    team_id       workspace that fills the `team_id` argument (Enterprise Grid)
    action_token  bot or user token for the actions
    user_token    user token for methods that only user tokens may call
    config_token  app configuration token (xoxe.xoxp-…)
    sensor.app_token  app level token (xapp-…)
    max_wait      seconds that all tries and waits of one call may take together; default 60
    proxy         URL of the proxy; default: HTTPS_PROXY of the environment
    ca_bundle     path of a file with the CAs to trust; default: REQUESTS_CA_BUNDLE
    rotation      client_id, client_secret, datastore keys and a folder, to renew tokens that expire
    admin         admin_token, organization, set_active, attempts, auto_join_channels: how
                  slack.users.admin.invite invites
    post_message_action  webhook_url, channel, username, icon_emoji, icon_url of the webhook
    authorization  who may what from Slack: rules of who, where and what; none: nobody anything
    ldap          how LDAP is asked for the groups of people
    ldap_names    ID of a person in Slack → their name in LDAP
    workspaces    more workspaces: name, api_url, team_id, tokens, webhook and rules of their own

A workspace of the list takes its credentials and `team_id` from its own entry only: a token of one
workspace is never sent on behalf of another. Rules and `ldap_names` are its own, too: IDs and
handles mean somebody else elsewhere. How to get there (`api_url`, `proxy`, `ca_bundle`) is shared
unless the entry says otherwise; `max_wait` and `ldap` are the same for all.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Any, Dict, List, Mapping, Optional, Pattern, Tuple
from urllib.parse import unquote, urlsplit

from st2slack.errors import SettingsError

DEFAULT_API_URL = "https://slack.com/api/"
DEFAULT_MAX_WAIT = 60.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")

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
    """One workspace as the config describes it. `tokens`: config key → token, only those set."""

    workspace: Optional[str] = None
    api_url: str = DEFAULT_API_URL
    team_id: Optional[str] = None
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_wait: float = DEFAULT_MAX_WAIT
    proxy: Optional[str] = field(default=None, repr=False)
    ca_bundle: Optional[str] = None

    def token_for(self, kinds: Tuple[str, ...]) -> Optional[str]:
        """The configured token that suits a method which takes these kinds of token."""
        return next((self.tokens[key] for key in self._keys_for(kinds) if key in self.tokens), None)

    def with_bot_token(self, token: str) -> Settings:
        """The same with another token for what bots may do."""
        return replace(self, tokens=dict(self.tokens, action_token=token))

    def place_for(self, kinds: Tuple[str, ...]) -> str:
        """Where in the config the token belongs that a method of these kinds wants, in words."""
        key = self._keys_for(kinds)[0]
        if self.workspace is None:
            return "`%s`" % _TOP_LEVEL_NAMES.get(key, key)
        key = _ENTRY_NAMES.get(key, key)
        return "`%s` of the workspace %r under `workspaces`" % (key, self.workspace)

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
    own: Mapping[str, Any] = _entry(config, workspace) if workspace else config
    return replace(read_route(config, workspace), tokens=_tokens(own), webhook=_webhook(own))


def read_route(config: Mapping[str, Any], workspace: Optional[str] = None) -> Settings:
    """The same without credentials: how to get to Slack."""
    entry = _entry(config, workspace) if workspace else {}
    own: Mapping[str, Any] = entry if workspace else config
    api_url = check_api_url(_text(entry, "api_url") or _text(config, "api_url") or DEFAULT_API_URL)
    return Settings(
        workspace=workspace or None,
        api_url=api_url,
        team_id=_text(own, "team_id"),
        max_wait=_seconds(config, "max_wait", DEFAULT_MAX_WAIT),
        proxy=check_proxy(_text(entry, "proxy") or _text(config, "proxy")),
        ca_bundle=_text(entry, "ca_bundle") or _text(config, "ca_bundle"),
    )


# Config key of a token that expires → where its datastore keys stand: its own, its refresh token's.
RENEWED = {
    "action_token": ("action_token_key", "rotation.refresh_token_key"),
    "user_token": ("rotation.user_token_key", "rotation.user_refresh_token_key"),
    "config_token": ("rotation.config_token_key", "rotation.config_refresh_token_key"),
}
DEFAULT_RESCUE_FOLDER = "/var/tmp"


@dataclass(frozen=True)
class RotationSettings:
    """How a token that expires is renewed. `renews`: the config key that reads it.

    `token_key`, `refresh_token_key`: datastore keys. `client_id`, `client_secret`: of the app; the
    token of app configurations needs none. `rescue_folder`: where tokens are kept that the
    datastore did not take.
    """

    renews: str
    token_key: str
    refresh_token_key: str
    workspace: Optional[str] = None
    client_id: Optional[str] = None
    client_secret: Optional[str] = field(default=None, repr=False)
    rescue_folder: str = DEFAULT_RESCUE_FOLDER

    @property
    def needs_client(self) -> bool:
        """Whether Slack wants to know which app renews: not for tokens of app configurations."""
        return self.renews != "config_token"


def read_rotation(
    config: Mapping[str, Any], workspace: Optional[str] = None, renews: Optional[str] = None
) -> RotationSettings:
    """How `renews` of a workspace is renewed. Raises a SettingsError that names what lacks."""
    renews = renews or "action_token"
    if renews not in RENEWED:
        raise SettingsError("Parameter `renews` must be one of %s." % ", ".join(RENEWED))
    own = _entry(config, workspace) if workspace else config
    rotation = _object(own, "rotation")
    places = RENEWED[renews]
    found = {
        place: _text(rotation if "." in place else own, place.rpartition(".")[2])
        for place in places
    }
    found["rotation.client_id"] = _text(rotation, "client_id")
    found["rotation.client_secret"] = _text(rotation, "client_secret")
    needed = places if renews == "config_token" else tuple(found)
    missing = ["`%s`" % place for place in needed if not found[place]]
    if missing:
        raise SettingsError(
            "Renewing %s needs %s in the pack's config%s; see README, Tokens that expire."
            % (renews, ", ".join(missing), _whose(workspace))
        )
    if found[places[0]] == found[places[1]]:
        raise SettingsError(
            "Config keys `%s` and `%s`%s must name different datastore keys."
            % (*places, _whose(workspace))
        )
    secret = found["rotation.client_secret"]
    where = "Config key `rotation.client_secret`"
    return RotationSettings(
        renews=renews,
        token_key=str(found[places[0]]),
        refresh_token_key=str(found[places[1]]),
        workspace=workspace or None,
        client_id=found["rotation.client_id"],
        client_secret=check_token(secret, where) if secret else None,
        rescue_folder=_folder(rotation, _object(config, "rotation")),
    )


def _folder(*places: Mapping[str, Any]) -> str:
    named = [_text(place, "rescue_folder") for place in places]
    folder = next((each for each in named if each), DEFAULT_RESCUE_FOLDER)
    if not os.path.isabs(folder):
        raise SettingsError("Config key `rotation.rescue_folder` must be an absolute path.")
    return folder


def _whose(workspace: Optional[str]) -> str:
    return ", workspace %r" % workspace if workspace else ""


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


def credentials(config: Mapping[str, Any], workspace: Optional[str] = None) -> List[Credential]:
    """Every credential of a workspace that is set, those that cannot be used too."""
    own: Mapping[str, Any] = _entry(config, workspace) if workspace else config
    prefix = "workspaces[%s]." % workspace if workspace else ""
    found = []
    for section, key, belongs in _CREDENTIALS:
        direct = bool(workspace) and section == "sensor"
        values = _object(own, section) if section and not direct else own
        place = prefix + (key if direct or not section else "%s.%s" % (section, key))
        if values.get(key) not in (None, ""):
            found.append(_credential(values, key, place, belongs))
    return found


def _credential(values: Mapping[str, Any], key: str, place: str, belongs: str) -> Credential:
    where = "Config key `%s`" % place
    try:
        text = _text(values, key) or ""
        return Credential(
            place, belongs, text if belongs == "webhook" else check_token(text, where)
        )
    except SettingsError as error:
        return Credential(place, belongs, "", str(error))


@dataclass(frozen=True)
class InviteSettings:
    """How people are invited. `organization`: NAME of NAME.slack.com; `channels`: IDs to join."""

    organization: Optional[str] = None
    set_active: bool = True
    attempts: int = 1
    channels: Tuple[str, ...] = ()


def read_invite(config: Mapping[str, Any], workspace: Optional[str] = None) -> InviteSettings:
    """The settings of slack.users.admin.invite for a workspace; an entry has its own only."""
    own: Mapping[str, Any] = _entry(config, workspace) if workspace else config
    admin = _object(own, "admin")
    set_active, attempts = admin.get("set_active"), admin.get("attempts")
    if attempts is not None and (isinstance(attempts, bool) or not isinstance(attempts, int)):
        raise SettingsError("Config key `admin.attempts` must be a whole number.")
    return InviteSettings(
        organization=_text(admin, "organization"),
        set_active=True if set_active is None else bool(set_active),
        attempts=1 if attempts is None else attempts,
        channels=_texts(admin, "auto_join_channels", "admin"),
    )


@dataclass(frozen=True)
class SensorSettings:
    """What the sensor is to listen to in one workspace.

    `app_token`: Socket Mode; `token`: RTM of a classic app. `events`: types of other events that
    are wanted. `channel_types`: public_channel, private_channel, im, mpim. `channels`: IDs or
    names, empty for all. `token_key`, `action_token_key`: datastore keys where a token that has
    expired is read afresh. `backfill_max_age`: seconds, 0 switches it off.
    """

    app_token: Optional[str] = field(default=None, repr=False)
    token: Optional[str] = field(default=None, repr=False)
    token_key: Optional[str] = None
    action_token_key: Optional[str] = None
    events: Tuple[str, ...] = ()
    channel_types: Tuple[str, ...] = ("public_channel", "private_channel")
    channels: Tuple[str, ...] = ()
    allow_bot_messages: bool = False
    allow_own_messages: bool = False
    strip_formatting: bool = False
    backfill_max_age: float = 3600.0
    backfill_max_channels: int = 100


CHANNEL_TYPES = ("public_channel", "private_channel", "im", "mpim")


def read_sensor(config: Mapping[str, Any], workspace: str = "") -> SensorSettings:
    """The sensor's settings for a workspace; its credentials come from its own entry only."""
    sensor = _object(config, "sensor")
    own: Mapping[str, Any] = _entry(config, workspace) if workspace else sensor
    default = SensorSettings()
    types = _texts(sensor, "channel_types") or default.channel_types
    unknown = sorted(set(types) - set(CHANNEL_TYPES))
    if unknown:
        raise SettingsError(
            "Config key `sensor.channel_types` has %s; it knows %s."
            % (", ".join(unknown), ", ".join(CHANNEL_TYPES))
        )
    return SensorSettings(
        app_token=_token(own, "app_token"),
        token_key=_text(own, "token_key"),
        action_token_key=_text(own if workspace else config, "action_token_key"),
        token=_token(own, "token"),
        events=_texts(sensor, "events"),
        channel_types=types,
        channels=tuple(each.lstrip("#") for each in _texts(sensor, "channels")),
        allow_bot_messages=bool(sensor.get("allow_bot_messages")),
        allow_own_messages=bool(sensor.get("allow_own_messages")),
        strip_formatting=bool(sensor.get("strip_formatting")),
        backfill_max_age=_number(sensor, "backfill_max_age", default.backfill_max_age),
        backfill_max_channels=int(
            _number(sensor, "backfill_max_channels", default.backfill_max_channels)
        ),
    )


@dataclass(frozen=True)
class Rule:
    """Who may what, and where: one entry of `authorization`.

    `who`: IDs of people, IDs or @handles of user groups, DNs of LDAP groups, `everyone`. `where`:
    IDs of conversations, `channels` (every channel), `direct_messages`. `what`: shell patterns over
    references and names, see `work/authorization.py`. `extra_parameters`: whether parameters may be
    given that an alias's format does not name.
    """

    name: str
    who: Tuple[str, ...]
    what: Tuple[str, ...]
    where: Tuple[str, ...] = ("channels",)
    extra_parameters: bool = False


@dataclass(frozen=True)
class Access:
    """Who may what in one workspace. `ldap_names`: ID of a person → their name in LDAP."""

    rules: Tuple[Rule, ...] = ()
    ldap_names: Mapping[str, str] = field(default_factory=dict)


EVERYONE = "everyone"
CHANNELS, DIRECT_MESSAGES = "channels", "direct_messages"
# IDs are capital letters and digits; names and handles in Slack never are.
PERSON_ID = re.compile(r"[UW][A-Z0-9]{6,}")
USERGROUP_ID = re.compile(r"S[A-Z0-9]{6,}")
USERGROUP_HANDLE = re.compile(r"@[^\s@=,]+")
LDAP_GROUP = re.compile(r"[A-Za-z0-9.-]+\s*=.+", re.DOTALL)
CONVERSATION_ID = re.compile(r"[CDG][A-Z0-9]{6,}")

_WHO = (PERSON_ID, USERGROUP_ID, USERGROUP_HANDLE, LDAP_GROUP, re.compile(EVERYONE))
_WHERE = (CONVERSATION_ID, re.compile(CHANNELS), re.compile(DIRECT_MESSAGES))
_RULE_KEYS = ("name", "who", "where", "what", "extra_parameters")


def read_access(config: Mapping[str, Any], workspace: Optional[str] = None) -> Access:
    """The rules of a workspace, in their order; those of another never count for it.

    Raises SettingsError for a rule that cannot be used, so that none is taken for a wider one.
    """
    own = _entry(config, workspace) if workspace else config
    rules = [_rule(entry) for entry in _objects(own, "authorization")]
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            "Config key `authorization` has more than one rule named %r; names must be unique."
            % twice[0]
        )
    return Access(tuple(rules), _ldap_names(own))


def _rule(entry: Mapping[str, Any]) -> Rule:
    name = _text(entry, "name")
    if not name:
        raise SettingsError("Config key `authorization`: every rule needs a `name`.")
    place = "Config key `authorization`, rule %r" % name
    unknown = sorted(str(key) for key in entry if key not in _RULE_KEYS)
    if unknown:
        raise SettingsError(
            "%s: %s is not known. A rule has %s." % (place, unknown[0], ", ".join(_RULE_KEYS))
        )
    extra = entry.get("extra_parameters", False)
    if not isinstance(extra, bool):
        raise SettingsError("%s: `extra_parameters` must be true or false." % place)
    return Rule(
        name=name,
        who=_known(
            _entries_of(entry, "who", place),
            _WHO,
            "%s: `who` has %%r. It takes IDs of people (U...), IDs (S...) or handles (@...) of "
            "user groups, DNs of LDAP groups, and everyone; never names or e-mail addresses."
            % place,
        ),
        what=_entries_of(entry, "what", place),
        where=_known(
            _entries_of(entry, "where", place) if "where" in entry else (CHANNELS,),
            _WHERE,
            "%s: `where` has %%r. It takes IDs of conversations (C..., below the channel's details "
            "in Slack), channels and direct_messages; never names, which people change." % place,
        ),
        extra_parameters=extra,
    )


def _entries_of(entry: Mapping[str, Any], key: str, place: str) -> Tuple[str, ...]:
    value = entry.get(key)
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(each, str) and each.strip() for each in value)
    ):
        raise SettingsError("%s: `%s` must be a list of texts with at least one." % (place, key))
    return tuple(each.strip() for each in value)


def _known(
    values: Tuple[str, ...], shapes: Tuple[Pattern[str], ...], error: str
) -> Tuple[str, ...]:
    for value in values:
        if not any(shape.fullmatch(value) for shape in shapes):
            raise SettingsError(error % value)
    return values


def _ldap_names(own: Mapping[str, Any]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for entry in _objects(own, "ldap_names"):
        person, name = _text(entry, "person"), _text(entry, "name")
        if not person or not name or not PERSON_ID.fullmatch(person):
            raise SettingsError(
                "Config key `ldap_names`: every entry needs `person`, the ID of a person in Slack "
                "(U...), and `name`, their name in LDAP."
            )
        if person in found:
            raise SettingsError("Config key `ldap_names` has %s more than once." % person)
        found[person] = name
    return found


@dataclass(frozen=True)
class LdapSettings:
    """How LDAP is asked for groups; keys and meanings are those of StackStorm's `backend_kwargs`.

    `email_pattern`: filter that finds a person by e-mail; `insecure`: whether a connection will do
    that anyone on the way can read and change; `max_wait`: seconds for all questions together.
    """

    host: str
    port: int
    bind_dn: str
    bind_password: str = field(repr=False)
    base_ou: str
    base_ou_group: Optional[str] = None
    scope: str = "subtree"
    id_attr: str = "uid"
    account_pattern: Optional[str] = None
    group_pattern: Optional[str] = None
    email_pattern: str = "(mail={username})"
    use_ssl: bool = False
    use_tls: bool = False
    cacert: Optional[str] = None
    insecure: bool = False
    chase_referrals: bool = False
    network_timeout: float = 5.0
    max_wait: float = 10.0


_LDAP_NEEDS = ("host", "bind_dn", "bind_password", "base_ou")
_PATTERN_KEYS = ("account_pattern", "group_pattern", "email_pattern")
_LDAP_MAY = ("base_ou_group", "scope", "id_attr", "cacert", *_PATTERN_KEYS)
_LDAP_FLAGS = ("use_ssl", "use_tls", "insecure", "chase_referrals")
_LDAP_SECONDS = ("network_timeout", "max_wait")
_SCOPES = ("base", "onelevel", "subtree")
# Pattern → what may stand in it in braces.
_PATTERNS = {
    "account_pattern": ("username",),
    "email_pattern": ("username",),
    "group_pattern": ("username", "user_dn"),
}


def read_ldap(config: Mapping[str, Any]) -> LdapSettings:
    """How LDAP is asked. Raises SettingsError where it is not set, or cannot be used safely."""
    ldap = _object(config, "ldap")
    texts = {key: _text(ldap, key) for key in (*_LDAP_NEEDS, *_LDAP_MAY)}
    missing = [key for key in _LDAP_NEEDS if not texts[key]]
    port = ldap.get("port")
    if missing or port is None:
        names = ["`ldap.%s`" % key for key in (*missing, *(["port"] if port is None else []))]
        raise SettingsError("LDAP groups need %s in the pack's config." % ", ".join(names))
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise SettingsError("Config key `ldap.port` must be a number such as 636.")
    values: Dict[str, Any] = {key: text for key, text in texts.items() if text}
    values.update({key: _flag(ldap, key) for key in _LDAP_FLAGS if ldap.get(key) is not None})
    for key in _LDAP_SECONDS:
        if ldap.get(key) is not None:
            place = "ldap." + key
            values[key] = _seconds({place: ldap[key]}, place, 0.0)
    return _safe(LdapSettings(port=port, **values), ldap)


def _flag(ldap: Mapping[str, Any], key: str) -> bool:
    if not isinstance(ldap[key], bool):
        raise SettingsError("Config key `ldap.%s` must be true or false." % key)
    return bool(ldap[key])


def _safe(settings: LdapSettings, given: Mapping[str, Any]) -> LdapSettings:
    known = {*_LDAP_NEEDS, *_LDAP_MAY, *_LDAP_FLAGS, *_LDAP_SECONDS, "port"}
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise SettingsError("Config key `ldap` does not know %s; leave it out." % unknown[0])
    if settings.bind_password.startswith("{{"):
        raise SettingsError(
            "Config key `ldap.bind_password` still holds a template: StackStorm did not find its "
            "value in the datastore. Set that key (encrypted)."
        )
    if settings.scope not in _SCOPES:
        raise SettingsError("Config key `ldap.scope` must be one of %s." % ", ".join(_SCOPES))
    _check_patterns(settings)
    if settings.use_ssl and settings.use_tls:
        raise SettingsError("Config keys `ldap.use_ssl` and `ldap.use_tls` exclude each other.")
    if settings.insecure or ((settings.use_ssl or settings.use_tls) and settings.cacert):
        return settings
    raise SettingsError(
        "LDAP needs `ldap.use_ssl` or `ldap.use_tls`, and `ldap.cacert`, the file of the CA that "
        "the server's certificate is checked with: otherwise whoever is on the way grants "
        "themselves what they like. `ldap.insecure: true` goes without."
    )


def _check_patterns(settings: LdapSettings) -> None:
    for key, names in _PATTERNS.items():
        pattern = getattr(settings, key)
        if pattern is None:
            continue
        try:
            marks = {each[1] for each in Formatter().parse(pattern) if each[1] is not None}
        except ValueError:
            marks = {""}
        if not marks or not marks <= set(names):
            raise SettingsError(
                "Config key `ldap.%s` must hold %s, and no other braces."
                % (key, " or ".join("{%s}" % name for name in names))
            )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9;.-]*", settings.id_attr):
        raise SettingsError("Config key `ldap.id_attr` must be the name of an attribute.")


def sensed_workspaces(config: Mapping[str, Any]) -> List[str]:
    """Workspaces that the sensor is to connect to; "" is the config's top level."""
    names = ["", *workspace_names(config)]
    found = [(name, read_sensor(config, name)) for name in names]
    return [name for name, sensor in found if sensor.app_token or sensor.token]


def workspace_names(config: Mapping[str, Any]) -> List[str]:
    """Names of the entries of `workspaces`, in their order."""
    return [str(entry["name"]) for entry in _entries(config)]


def check_api_url(url: str) -> str:
    """`url` with a slash at its end, if it is one that a token may be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # reading the port raises for a wrong one
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise SettingsError("Config key `api_url` must be a URL such as %s" % DEFAULT_API_URL)
    if parts.username is not None or parts.password is not None:
        raise SettingsError("Config key `api_url` must not hold a user name or a password.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise SettingsError(
            "Config key `api_url` must begin with https:// (plain http would send "
            "the token in clear text to %s)." % host
        )
    return url if url.endswith("/") else url + "/"


def check_proxy(url: Optional[str]) -> Optional[str]:
    """`url` if it is one of a proxy. The error does not show it: it may hold a password."""
    if url is None:
        return None
    try:
        parts = urlsplit(url if "://" in url else "http://" + url)
        usable = bool(parts.hostname) and (parts.port or True)
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(
            "Config key `proxy` must be a URL such as http://proxy.example.com:3128. Characters "
            "like /, @ or # in its password must be percent-encoded."
        )
    return url if "://" in url else "http://" + url


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this machine."""
    return urlsplit(url).hostname in LOOPBACK


def _entries(config: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    entries = _objects(config, "workspaces")
    if not all(each.get("name") for each in entries):
        raise SettingsError("Config key `workspaces`: every entry needs a `name`.")
    return entries


def _entry(config: Mapping[str, Any], workspace: str) -> Mapping[str, Any]:
    found = [each for each in _entries(config) if each["name"] == workspace]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            "Config key `workspaces` has %d entries named %r; names must be unique."
            % (len(found), workspace)
        )
    known = ", ".join(workspace_names(config)) or "none; add it under `workspaces`"
    raise SettingsError(
        "Workspace %r is not in the pack's config. Configured there: %s." % (workspace, known)
    )


def _tokens(own: Mapping[str, Any]) -> Dict[str, str]:
    sensor = _object(own, "sensor")
    found = {
        "action_token": _token(own, "action_token"),
        "user_token": _token(own, "user_token"),
        "config_token": _token(own, "config_token"),
        "app_token": _token(own, "app_token") or _token(sensor, "app_token"),
        "admin_token": _token(_object(own, "admin"), "admin_token"),
    }
    return {key: token for key, token in found.items() if token}


def _webhook(own: Mapping[str, Any]) -> Dict[str, str]:
    """Defaults of post_message and post_attachment, only those set."""
    given = _object(own, "post_message_action")
    found = {key: _text(given, key) for key in WEBHOOK_KEYS}
    return {key: text for key, text in found.items() if text}


def _object(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key) or {}
    if not isinstance(value, dict):
        raise SettingsError("Config key `%s` must be an object." % key)
    return value


def _objects(values: Mapping[str, Any], key: str) -> List[Mapping[str, Any]]:
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        what = "objects with a `name`" if key == "workspaces" else "objects"
        raise SettingsError("Config key `%s` must be a list of %s." % (key, what))
    return value


def _token(values: Mapping[str, Any], key: str) -> Optional[str]:
    token = _text(values, key)
    return check_token(token, "Config key `%s`" % key) if token else None


def check_token(token: str, where: str) -> str:
    """`token` stripped, if it can stand in a header. The error names `where`, never the token."""
    token = token.strip()
    if token.startswith("{{"):
        raise SettingsError(
            "%s still holds a template: StackStorm did not find its value in the "
            "datastore. Set that key (encrypted), or put the token here." % where
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(
            "%s is not a token: it has spaces or characters that no token has. "
            "Copy it again from the app's page." % where
        )
    return token


def _text(values: Mapping[str, Any], key: str) -> Optional[str]:
    value = values.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise SettingsError("Config key `%s` must be text, not %s." % (key, type(value).__name__))
    return value.strip() or None


def _texts(values: Mapping[str, Any], key: str, section: str = "sensor") -> Tuple[str, ...]:
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsError("Config key `%s.%s` must be a list of texts." % (section, key))
    return tuple(value)


def _number(values: Mapping[str, Any], key: str, default: float) -> float:
    value = values.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise SettingsError("Config key `sensor.%s` must be a number, 0 or more." % key)
    return float(value)


def _seconds(values: Mapping[str, Any], key: str, default: float) -> float:
    value = values.get(key)
    if value is None:
        return default
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value <= 0
    ):
        raise SettingsError("Config key `%s` must be a number of seconds above 0." % key)
    return float(value)
