"""PURE: what is asked, of whom, until when.

A question of slack.ask stands in that action's parameters, which nobody can change afterwards; one
of a core.ask in somebody's own workflow in the inquiry's schema. So nothing about a question has to
be kept, and nothing that is kept can change it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from st2slack.approvals.form import Field, fields_from_schema
from st2slack.base.errors import InputError
from st2slack.base.ids import PERSON_ID, USERGROUP_HANDLE, USERGROUP_ID, plain_id
from st2slack.base.text_length import text_length
from st2slack.settings.access import EVERYONE, LDAP_GROUP

ASK = "slack.ask"
ROUTE = "slack"
DEFAULT_MINUTES = 24 * 60.0
REASONS = ("no", "optional", "required")
STYLES = ("", "primary", "danger")
MAX_CHOICES = 25  # buttons of one block
MAX_BLOCKS = 44  # of the 50 of a message; the rest is ours
MAX_LABEL_LENGTH = 75  # units (text_length.py) on a button
MAX_TEXT_LENGTH = 3000  # units of a section
RESERVED_VALUE = "expired"  # a caller may test for it
_APPROVAL_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


@dataclass(frozen=True)
class Choice:
    """One answer that can be chosen. `needed`: how many must choose it to decide."""

    value: str
    label: str
    style: str = ""
    needed: int = 1


@dataclass(frozen=True)
class Question:
    """`name`: what rules of `authorization` call it (approval:NAME); `channel`: as it was given.

    `choices`: the buttons; without any, `fields` are filled in. `approvers`: who may answer, as in
    `who` of a rule; none: the rules decide. `deadline`: Unix seconds, None for never. `reason`: one
    of REASONS. `remind_every`: seconds, None for never. `requester`: Slack ID of whom it is asked
    for. `ours`: asked by slack.ask, which reads the votes; else the answer is as the schema wants.
    """

    name: str
    text: str
    channel: str = ""
    blocks: Tuple[Mapping[str, Any], ...] = ()
    choices: Tuple[Choice, ...] = ()
    fields: Tuple[Field, ...] = ()
    approvers: Tuple[str, ...] = ()
    allow_own: bool = False
    requester: str = ""
    reason: str = "no"
    deadline: Optional[float] = None
    remind_every: Optional[float] = None
    workspace: str = ""
    is_from_ask: bool = True

    @property
    def is_secret(self) -> bool:
        """Whether something in its answer must not be shown."""
        return any(each.secret for each in self.fields)

    def find_choice(self, value: str) -> Optional[Choice]:
        """The choice of this value; None where it is none of them."""
        return next((each for each in self.choices if each.value == value), None)


def question_from_ask(
    value: Mapping[str, Any], requesting_action: str, started_at: float
) -> Question:
    """The question in the parameters of slack.ask. `asker`: action that asks; `asked_at`: Unix.

    Raises InputError, naming the parameter, for what cannot be asked.
    """
    needed = _read_count(value.get("needed"), "needed", 1)
    minutes = _read_minutes(value.get("expires_after"), "expires_after", DEFAULT_MINUTES)
    remind = _read_minutes(value.get("remind_every"), "remind_every", 0.0)
    question = Question(
        name=_read_name(value.get("name"), requesting_action),
        text=_read_text(value),
        channel=_read_required(value, "channel", 200),
        blocks=_read_blocks(value.get("blocks")),
        choices=_read_choices(value.get("choices"), needed),
        approvers=_read_approvers(value.get("approvers")),
        allow_own=bool(value.get("allow_own")),
        requester=_read_person(value.get("requester")),
        reason=_read_one_of(value.get("ask_reason") or "no", "ask_reason", REASONS),
        deadline=started_at + 60 * minutes if minutes else None,
        remind_every=60 * remind if remind else None,
        workspace=str(value.get("workspace") or ""),
    )
    if question.reason != "no":
        return _with_reason_field(question)
    return question


def question_from_schema(
    schema: Any, requesting_action: str, channel: str, workspace: str = "", text: str = ""
) -> Question:
    """The question of a core.ask in somebody's own workflow.

    A schema of one yes/no or one list of values becomes buttons, any other a form.
    """
    fields = fields_from_schema(schema)
    choices: Tuple[Choice, ...] = ()
    if len(fields) == 1 and fields[0].kind in ("boolean", "choice"):
        choices = _buttons_of_field(fields[0])
    title = schema.get("title") if isinstance(schema, Mapping) else None
    field = "`%s` asks" % requesting_action + (
        ": %s" % title if isinstance(title, str) and title else "."
    )
    return Question(
        name=requesting_action,
        text=text or field,
        channel=channel,
        choices=choices,
        fields=fields,
        workspace=workspace,
        allow_own=False,
        is_from_ask=False,
    )


def response_schema(question: Question) -> Dict[str, Any]:
    """What the inquiry of slack.ask takes as its answer; StackStorm checks it.

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


def channel_of_route(route: Any) -> Optional[str]:
    """The channel that a route of core.ask names: slack:CHANNEL; "" for slack; None: not ours."""
    kind, _, channel = str(route or "").partition(":")
    return channel.strip() if kind == ROUTE else None


# --- parts ----------------------------------------------------------------------------------------


def _read_required(value: Mapping[str, Any], key: str, max_length: int) -> str:
    text = str(value.get(key) or "").strip()
    if not text:
        raise InputError("Parameter `%s` is empty." % key)
    if text_length(text) > max_length:
        raise InputError("Parameter `%s` has more than %d characters." % (key, max_length))
    return text


def _read_text(value: Mapping[str, Any]) -> str:
    """The question as text; with `blocks` it is the fallback, and may be left out."""
    if value.get("blocks") and not str(value.get("text") or "").strip():
        return "A question for you"
    return _read_required(value, "text", MAX_TEXT_LENGTH)


def _read_name(value: Any, requesting_action: str) -> str:
    name = str(value or requesting_action).strip()
    if not _APPROVAL_NAME.fullmatch(name):
        raise InputError(
            "Parameter `name` must be letters, digits and . _ : / - only, 100 at most: rules of "
            "`authorization` name it as approval:NAME."
        )
    return name


def _read_blocks(value: Any) -> Tuple[Mapping[str, Any], ...]:
    if value in (None, []):
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InputError("Parameter `blocks` must be a list of objects.")
    if len(value) > MAX_BLOCKS:
        raise InputError("Parameter `blocks` has more than %d blocks." % MAX_BLOCKS)
    for each in value:
        if str(each.get("block_id") or "").startswith("st2_"):
            raise InputError("Parameter `blocks`: a block_id must not begin with st2_.")
    return tuple(value)


def _read_choices(value: Any, needed: int) -> Tuple[Choice, ...]:
    if value in (None, []):
        return (
            Choice("approve", "Approve", "primary", needed),
            Choice("reject", "Reject", "danger", 1),
        )
    if not isinstance(value, list) or len(value) > MAX_CHOICES:
        raise InputError("Parameter `choices` must be a list of 1 to %d." % MAX_CHOICES)
    choices = tuple(_read_choice(each, needed) for each in value)
    values = [each.value for each in choices]
    duplicate = next((each for each in values if values.count(each) > 1), None)
    if duplicate:
        raise InputError("Parameter `choices` has %r twice." % duplicate)
    return choices


def _read_choice(value: Any, needed: int) -> Choice:
    entry = value if isinstance(value, dict) else {"value": value}
    unknown = sorted(set(entry) - {"value", "label", "style", "needed"})
    if unknown:
        raise InputError(
            "Parameter `choices` does not know %r; a choice has value, label, style and needed."
            % unknown[0]
        )
    value = entry.get("value")
    if not isinstance(value, str) or not value.strip() or value == RESERVED_VALUE:
        raise InputError(
            "Parameter `choices`: every choice needs a `value`, a text other than %r."
            % RESERVED_VALUE
        )
    label = str(entry.get("label") or value).strip()
    if max(text_length(label), text_length(value)) > MAX_LABEL_LENGTH:
        raise InputError("Parameter `choices`: %d characters at most." % MAX_LABEL_LENGTH)
    style = _read_one_of(str(entry.get("style") or ""), "choices, style", STYLES)
    return Choice(value, label, style, _read_count(entry.get("needed"), "choices, needed", needed))


def _buttons_of_field(field: Field) -> Tuple[Choice, ...]:
    if field.kind == "boolean":
        return (Choice("true", "Yes", "primary"), Choice("false", "No", "danger"))
    if (
        len(field.options) > MAX_CHOICES
        or max(map(text_length, field.options), default=0) > MAX_LABEL_LENGTH
    ):
        return ()
    return tuple(Choice(each, each) for each in field.options)


def _read_approvers(value: Any) -> Tuple[str, ...]:
    if value in (None, []):
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError("Parameter `approvers` must be a list of texts.")
    shapes = (PERSON_ID, USERGROUP_ID, USERGROUP_HANDLE, LDAP_GROUP)
    approvers = tuple(map(plain_id, value))
    for each in approvers:
        if each != EVERYONE and not any(shape.fullmatch(each) for shape in shapes):
            raise InputError(
                "Parameter `approvers` has %r. It takes IDs of people (U...), IDs (S...) or "
                "handles (@...) of user groups, DNs of LDAP groups, and everyone; never names."
                % each
            )
    return approvers


def _read_person(value: Any) -> str:
    person = plain_id(str(value or ""))
    if person and not PERSON_ID.fullmatch(person):
        raise InputError("Parameter `requester` must be the ID of a person in Slack (U...).")
    return person


def _read_one_of(value: Any, key: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InputError(
            "Parameter `%s` must be one of %s." % (key, ", ".join(filter(None, allowed)))
        )
    return str(value)


def _read_count(value: Any, key: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError("Parameter `%s` must be a whole number, 1 or more." % key)
    return value


def _read_minutes(value: Any, key: str, default: float) -> float:
    if value is None:
        return default
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        raise InputError("Parameter `%s` must be a number of minutes, 0 for never." % key)
    return float(value)


def _with_reason_field(question: Question) -> Question:
    field = Field("reason", "Reason", "text", required=question.reason == "required", long=True)
    return replace(question, fields=(field,))


def find_person_ids(approvers: Sequence[str]) -> List[str]:
    """IDs of the people whom a list of approvers names one by one."""
    return [each for each in approvers if PERSON_ID.fullmatch(each)]
