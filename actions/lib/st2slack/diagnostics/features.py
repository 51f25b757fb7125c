"""PURE: the pack's features and the bot scopes that each needs.

The one place where that stands: etc/slack_app_manifest.yaml asks for exactly these, slack.check
tells which feature lacks what, and a test holds both, and the scopes of the methods and events,
against Slack's facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterable, List, Tuple


@dataclass(frozen=True)
class Feature:
    """What people use. `methods`: Web API methods behind it; `events`: what the app hears.

    `further`: scopes that belong to it and that no method or event lists, each with what it is for.
    `sensor`: whether it is the sensor that needs it.
    """

    title: str
    scopes: Tuple[str, ...]
    methods: Tuple[str, ...] = ()
    events: Tuple[str, ...] = ()
    further: Tuple[Tuple[str, str], ...] = ()
    sensor: bool = False

    def lacks(self, granted: Iterable[str]) -> List[str]:
        """The scopes that are missing, in their order."""
        have = frozenset(granted)
        return [scope for scope in self.scopes if scope not in have]


FEATURES = (
    Feature(
        "post and change messages",
        ("chat:write", "chat:write.public", "chat:write.customize"),
        ("chat.postMessage", "chat.update", "chat.delete", "chat.scheduleMessage"),
        further=(
            ("chat:write.public", "post to public channels without joining them"),
            ("chat:write.customize", "post under another name and icon"),
        ),
    ),
    Feature(
        "post by incoming webhook",
        ("incoming-webhook",),
        further=(("incoming-webhook", "a webhook is made when the app is installed"),),
    ),
    Feature(
        "find channels and read them",
        ("channels:read", "groups:read", "channels:history", "groups:history"),
        (
            "conversations.list",
            "conversations.info",
            "conversations.members",
            "conversations.history",
            "conversations.replies",
        ),
    ),
    Feature(
        "make and manage channels",
        ("channels:manage", "channels:join", "groups:write"),
        (
            "conversations.create",
            "conversations.join",
            "conversations.invite",
            "conversations.setTopic",
            "conversations.archive",
        ),
    ),
    Feature(
        "direct messages",
        ("im:write", "mpim:write", "im:read", "mpim:read"),
        ("conversations.open", "conversations.info"),
    ),
    Feature(
        "find people and groups",
        ("users:read", "users:read.email", "usergroups:read"),
        ("users.info", "users.list", "users.lookupByEmail", "usergroups.list"),
    ),
    Feature(
        "hand user groups over",
        ("usergroups:read", "usergroups:write"),
        ("usergroups.users.update", "usergroups.users.list", "usergroups.enable"),
    ),
    Feature(
        "who may",
        (
            "users:read",
            "users:read.email",
            "usergroups:read",
            "channels:read",
            "groups:read",
            "mpim:read",
        ),
        ("users.info", "usergroups.list", "usergroups.users.list", "conversations.info"),
        further=(("users:read.email", "find people in LDAP by their e-mail address"),),
    ),
    Feature(
        "files",
        ("files:write", "files:read"),
        ("files.getUploadURLExternal", "files.completeUploadExternal", "files.list", "files.info"),
    ),
    Feature(
        "reactions and pins",
        ("reactions:write", "reactions:read", "pins:write"),
        ("reactions.add", "reactions.get", "pins.add"),
    ),
    Feature(
        "trigger slack.message",
        ("channels:history", "groups:history", "channels:read", "groups:read", "users:read"),
        (
            "users.conversations",
            "conversations.history",
            "conversations.replies",
            "conversations.info",
            "users.info",
        ),
        (
            "message.channels",
            "message.groups",
            "user_change",
            "channel_rename",
            "group_rename",
        ),
        sensor=True,
    ),
    Feature(
        "trigger slack.message for direct messages",
        ("im:history", "mpim:history", "im:read", "mpim:read"),
        ("conversations.history", "conversations.info"),
        ("message.im", "message.mpim"),
        sensor=True,
    ),
    Feature(
        "trigger slack.event for mentions and reactions",
        ("app_mentions:read", "reactions:read"),
        (),
        ("app_mention", "reaction_added", "reaction_removed"),
        sensor=True,
    ),
    Feature(
        "trigger slack.command",
        ("commands",),
        further=(("commands", "slash commands and shortcuts"),),
        sensor=True,
    ),
)


def scopes() -> FrozenSet[str]:
    """All bot scopes together."""
    return frozenset(scope for feature in FEATURES for scope in feature.scopes)


def events() -> FrozenSet[str]:
    """All events that the app subscribes to."""
    return frozenset(event for feature in FEATURES for event in feature.events)
