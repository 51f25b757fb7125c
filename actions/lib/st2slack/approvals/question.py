"""PURE: what is asked, of whom, until when.

A question of slack.ask is in that action's parameters, which nobody can change afterwards; one of a
core.ask in another workflow is in the inquiry's schema. So nothing about a question has to be
stored, and nothing that is stored can change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Sequence, Tuple

from st2slack.approvals.form import Field, FieldKind, fields_from_schema
from st2slack.base.json_access import JsonObject, as_object, get_text
from st2slack.base.text_length import text_length
from st2slack.settings.entries import Entry, Person

ASK_ACTION = "slack.ask"
ROUTE = "slack"
MAX_CHOICES = 25  # buttons of one block
MAX_LABEL_LENGTH = 75  # units (text_length.py) on a button


class ButtonStyle(str, Enum):
    """How a button looks."""

    DEFAULT = ""
    PRIMARY = "primary"
    DANGER = "danger"


class ReasonMode(str, Enum):
    """Whether people give a reason with their answer."""

    NO = "no"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Choice:
    """One answer that can be chosen. `needed`: how many must choose it to decide."""

    value: str
    label: str
    style: ButtonStyle = ButtonStyle.DEFAULT
    needed: int = 1


@dataclass(frozen=True)
class Question:
    """`name`: what rules of `authorization` call it (approval:NAME); `channel`: as it was given.

    `choices`: the buttons; without any, people fill in `fields`. `approvers`: who is allowed to
    answer; empty: the rules decide. `deadline`: Unix seconds, None for never. `remind_every`:
    seconds, None for never. `requester`: Slack ID of the person for whom it is asked.
    `is_from_ask`: slack.ask asks and counts the votes; else the answer is what the schema wants.
    """

    name: str
    text: str
    channel: str = ""
    blocks: Tuple[JsonObject, ...] = ()
    choices: Tuple[Choice, ...] = ()
    fields: Tuple[Field, ...] = ()
    approvers: Tuple[Entry, ...] = ()
    allow_own: bool = False
    requester: str = ""
    reason: ReasonMode = ReasonMode.NO
    deadline: Optional[float] = None
    remind_every: Optional[float] = None
    workspace: str = ""
    is_from_ask: bool = True

    @property
    def is_secret(self) -> bool:
        """Whether something in its answer must not be shown."""
        return any(each.secret for each in self.fields)

    def find_choice(self, value: object) -> Optional[Choice]:
        """The choice of this value; None if it is none of them."""
        return next((each for each in self.choices if each.value == value), None)


def question_from_schema(schema: object, requesting_action: str, channel: str) -> Question:
    """The question of a core.ask in another workflow.

    A schema of one yes/no or one list of values becomes buttons, any other a form.
    """
    fields = fields_from_schema(schema)
    title = get_text(as_object(schema), "title")
    return Question(
        name=requesting_action,
        text="`%s` asks%s" % (requesting_action, ": %s" % title if title else "."),
        channel=channel,
        choices=_buttons_of_field(fields[0]) if len(fields) == 1 else (),
        fields=fields,
        is_from_ask=False,
    )


def response_schema(question: Question) -> JsonObject:
    """What the inquiry of slack.ask accepts as its answer; StackStorm checks it.

    `choice` alone is enough for those who answer by StackStorm's API.
    """
    values = [each.value for each in question.choices]
    return {
        "type": "object",
        "properties": {
            "choice": {"type": "string", "enum": [*values, ""], "required": True},
            "expired": {"type": "boolean"},
            "votes": {"type": "array"},
        },
        "additionalProperties": False,
    }


def channel_of_route(route: object) -> Optional[str]:
    """The channel in a route of core.ask, slack:CHANNEL; "" for slack; None for another route."""
    kind, _, channel = str(route or "").partition(":")
    return channel.strip() if kind == ROUTE else None


def find_people(approvers: Sequence[Entry]) -> Tuple[str, ...]:
    """IDs of the people whom a list of approvers names one by one."""
    return tuple(each.text for each in approvers if isinstance(each, Person))


def _buttons_of_field(field: Field) -> Tuple[Choice, ...]:
    """The buttons for a field; () for a field that people fill in."""
    if field.kind is FieldKind.BOOLEAN:
        return (
            Choice("true", "Yes", ButtonStyle.PRIMARY),
            Choice("false", "No", ButtonStyle.DANGER),
        )
    longest = max(map(text_length, field.options), default=0)
    is_menu = len(field.options) > MAX_CHOICES or longest > MAX_LABEL_LENGTH
    if field.kind is not FieldKind.CHOICE or is_menu:
        return ()
    return tuple(Choice(each, each) for each in field.options)
