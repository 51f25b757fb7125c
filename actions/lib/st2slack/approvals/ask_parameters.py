"""PURE: the parameters of slack.ask, checked. Errors name the parameter."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from enum import Enum
from typing import List, Mapping, Tuple, Type, TypeVar

from st2slack.approvals.form import Field
from st2slack.approvals.question import (
    MAX_CHOICES,
    MAX_LABEL_LENGTH,
    ButtonStyle,
    Choice,
    Question,
    ReasonMode,
)
from st2slack.base.errors import InputError
from st2slack.base.ids import PERSON_ID, plain_id
from st2slack.base.json_access import JsonObject, as_number, as_objects
from st2slack.base.text_length import text_length
from st2slack.settings.entries import Entry, parse_entry

DEFAULT_MINUTES = 24 * 60.0
MAX_BLOCKS = 44  # of the 50 of a message; the pack adds the rest
MAX_CHANNEL_LENGTH = 200
MAX_TEXT_LENGTH = 3000  # units of a section
RESERVED_VALUE = "expired"  # a workflow may compare `choice` with it
_APPROVAL_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_CHOICE_KEYS = {"value", "label", "style", "needed"}
E = TypeVar("E", bound=Enum)


def question_from_ask(
    parameters: Mapping[str, object], requesting_action: str, started_at: float
) -> Question:
    """The question of slack.ask. `requesting_action`: the action that asks; `started_at`: Unix.

    Raises InputError for what cannot be asked.
    """
    needed = _read_count(parameters.get("needed"), "needed", 1)
    minutes = _read_minutes(parameters.get("expires_after"), "expires_after", DEFAULT_MINUTES)
    remind = _read_minutes(parameters.get("remind_every"), "remind_every", 0.0)
    question = Question(
        name=_read_name(parameters.get("name"), requesting_action),
        text=_read_text(parameters),
        channel=_read_required(parameters, "channel", MAX_CHANNEL_LENGTH),
        blocks=_read_blocks(parameters.get("blocks")),
        choices=_read_choices(parameters.get("choices"), needed),
        approvers=_read_approvers(parameters.get("approvers")),
        allow_own=bool(parameters.get("allow_own")),
        requester=_read_person(parameters.get("requester")),
        reason=_read_enum(ReasonMode, parameters.get("ask_reason") or "no", "ask_reason"),
        deadline=started_at + 60 * minutes if minutes else None,
        remind_every=60 * remind if remind else None,
        workspace=str(parameters.get("workspace") or ""),
    )
    return question if question.reason is ReasonMode.NO else _with_reason_field(question)


def _read_required(parameters: Mapping[str, object], key: str, max_length: int) -> str:
    text = str(parameters.get(key) or "").strip()
    if not text:
        raise InputError("Parameter `%s` is empty." % key)
    if text_length(text) > max_length:
        raise InputError("Parameter `%s` has more than %d characters." % (key, max_length))
    return text


def _read_text(parameters: Mapping[str, object]) -> str:
    """The question as text; with `blocks` it is the fallback, and optional."""
    if parameters.get("blocks") and not str(parameters.get("text") or "").strip():
        return "A question for you"
    return _read_required(parameters, "text", MAX_TEXT_LENGTH)


def _read_name(value: object, requesting_action: str) -> str:
    name = str(value or requesting_action).strip()
    if not _APPROVAL_NAME.fullmatch(name):
        raise InputError(
            "Parameter `name` must be letters, digits and . _ : / - only, 100 at most: rules of "
            "`authorization` name it as approval:NAME."
        )
    return name


def _read_blocks(value: object) -> Tuple[JsonObject, ...]:
    if value in (None, []):
        return ()
    blocks = as_objects(value)
    if not isinstance(value, list) or len(blocks) != len(value):
        raise InputError("Parameter `blocks` must be a list of objects.")
    if len(blocks) > MAX_BLOCKS:
        raise InputError("Parameter `blocks` has more than %d blocks." % MAX_BLOCKS)
    for each in blocks:
        if str(each.get("block_id") or "").startswith("st2_"):
            raise InputError("Parameter `blocks`: a block_id must not begin with st2_.")
    return tuple(blocks)


def _read_choices(value: object, needed: int) -> Tuple[Choice, ...]:
    if value in (None, []):
        return (
            Choice("approve", "Approve", ButtonStyle.PRIMARY, needed),
            Choice("reject", "Reject", ButtonStyle.DANGER, 1),
        )
    if not isinstance(value, list) or len(value) > MAX_CHOICES:
        raise InputError("Parameter `choices` must be a list of 1 to %d choices." % MAX_CHOICES)
    choices = tuple(_read_choice(each, needed) for each in value)
    values = [each.value for each in choices]
    duplicate = next((each for each in values if values.count(each) > 1), None)
    if duplicate:
        raise InputError("Parameter `choices` has %r twice." % duplicate)
    return choices


def _read_choice(choice: object, needed: int) -> Choice:
    entry: JsonObject = choice if isinstance(choice, dict) else {"value": choice}
    unknown = sorted(set(entry) - _CHOICE_KEYS)
    if unknown:
        raise InputError(
            "Parameter `choices`: unknown key %r; a choice has value, label, style and needed."
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
        raise InputError(
            "Parameter `choices`: a value or label has at most %d characters." % MAX_LABEL_LENGTH
        )
    style = _read_enum(ButtonStyle, str(entry.get("style") or ""), "choices, style")
    return Choice(value, label, style, _read_count(entry.get("needed"), "choices, needed", needed))


def _read_approvers(value: object) -> Tuple[Entry, ...]:
    if value in (None, []):
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError("Parameter `approvers` must be a list of texts.")
    approvers: List[Entry] = []
    for text in value:
        entry = parse_entry(text)
        if entry is None:
            raise InputError(
                "Parameter `approvers` has %r. It takes IDs of people (U...), IDs (S...) or "
                "handles (@...) of user groups, DNs of LDAP groups, and everyone; never names."
                % plain_id(text)
            )
        approvers.append(entry)
    return tuple(approvers)


def _read_person(value: object) -> str:
    person = plain_id(str(value or ""))
    if person and not PERSON_ID.fullmatch(person):
        raise InputError("Parameter `requester` must be the ID of a person in Slack (U...).")
    return person


def _read_enum(kind: Type[E], value: object, key: str) -> E:
    try:
        return kind(value)
    except ValueError:
        allowed = [str(each.value) for each in kind if each.value]
        raise InputError("Parameter `%s` must be one of %s." % (key, ", ".join(allowed))) from None


def _read_count(value: object, key: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError("Parameter `%s` must be a whole number, 1 or more." % key)
    return value


def _read_minutes(value: object, key: str, default: float) -> float:
    if value is None:
        return default
    minutes = as_number(value)
    if minutes is None or not math.isfinite(minutes) or minutes < 0:
        raise InputError("Parameter `%s` must be a number of minutes, 0 for never." % key)
    return float(minutes)


def _with_reason_field(question: Question) -> Question:
    is_required = question.reason is ReasonMode.REQUIRED
    return replace(question, fields=(Field("reason", "Reason", required=is_required, long=True),))
