"""PURE: aliases and what running one answers, as StackStorm's API describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import FrozenSet, Optional, Tuple

from st2slack.base.json_access import (
    JsonObject,
    as_object,
    as_text,
    get_list,
    get_object,
    get_text,
    get_texts,
)
from st2slack.stackstorm.execution import Execution


@dataclass(frozen=True)
class AliasFormat:
    """One format of an alias: how people read it, and how StackStorm matches it, in order."""

    display: str
    representations: Tuple[str, ...]

    @classmethod
    def from_json(cls, document: object) -> AliasFormat:
        """A format is text, or an object with `display` and one or several `representation`."""
        if isinstance(document, str):
            return cls(document, (document,))
        form = as_object(document)
        single = get_text(form, "representation")
        several = tuple(get_texts(form, "representation"))
        return cls(get_text(form, "display"), (single,) if single else several)


@dataclass(frozen=True)
class AliasTexts:
    """`ack` or `result` of an alias. `extra`: what it sets for its chat service."""

    enabled: bool = True
    format: str = ""
    extra: JsonObject = field(default_factory=dict)

    @classmethod
    def from_json(cls, section: JsonObject) -> AliasTexts:
        """A section as the API sends it; only `false` itself disables it."""
        return cls(
            enabled=section.get("enabled") is not False,
            format=get_text(section, "format"),
            extra=get_object(section, "extra"),
        )


@dataclass(frozen=True)
class Alias:
    """An action alias of StackStorm: a command for chat. `action`: ref of the action that it runs.

    `result`: None if the alias does not have this section.
    """

    id: str = ""
    pack: str = ""
    name: str = ""
    action: str = ""
    description: str = ""
    enabled: bool = False
    formats: Tuple[AliasFormat, ...] = ()
    ack: AliasTexts = AliasTexts()
    result: Optional[AliasTexts] = None
    immutable_parameters: FrozenSet[str] = frozenset()

    @classmethod
    def from_json(cls, document: JsonObject) -> Alias:
        """An alias as the API sends it."""
        result = get_object(document, "result")
        return cls(
            id=get_text(document, "id"),
            pack=get_text(document, "pack"),
            name=get_text(document, "name"),
            action=get_text(document, "action_ref"),
            description=get_text(document, "description"),
            enabled=bool(document.get("enabled")),
            formats=tuple(map(AliasFormat.from_json, get_list(document, "formats"))),
            ack=AliasTexts.from_json(get_object(document, "ack")),
            result=AliasTexts.from_json(result) if result else None,
            immutable_parameters=frozenset(get_object(document, "immutable_parameters")),
        )

    @property
    def ref(self) -> str:
        """The pack and the name."""
        return "%s.%s" % (self.pack, self.name)


@dataclass(frozen=True)
class MatchedAlias:
    """The alias that a command matches. `format`: the representation that matches."""

    alias: Alias
    format: str


@dataclass(frozen=True)
class AliasRequest:
    """A request to run an alias. `user`: Slack ID; `channel`: Slack ID; `context`: goes into the
    notification; `route`: of the notification.
    """

    name: str
    format: str
    command: str
    user: str
    channel: str
    context: JsonObject
    route: str

    def to_json(self) -> JsonObject:
        """The body of the request."""
        return {
            "name": self.name,
            "format": self.format,
            "command": self.command,
            "user": self.user,
            "source_channel": self.channel,
            "source_context": self.context,
            "notification_route": self.route,
        }


@dataclass(frozen=True)
class AliasExecution:
    """What StackStorm answers when it runs an alias. `message`: the text of `ack`, "" for none."""

    execution: Execution
    alias: Alias
    message: str = ""

    @classmethod
    def from_json(cls, document: JsonObject) -> AliasExecution:
        """The answer as the API sends it."""
        return cls(
            execution=Execution.from_json(get_object(document, "execution")),
            alias=Alias.from_json(get_object(document, "actionalias")),
            message=as_text(document.get("message")),
        )
