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

from st2slack.approvals.form import Field, fields_of
from st2slack.base.errors import InputError
from st2slack.base.ids import PERSON_ID, USERGROUP_HANDLE, USERGROUP_ID, plain_id
from st2slack.base.text_length import text_length
from st2slack.settings.access import EVERYONE, LDAP_GROUP

ASK = "slack.ask"
ROUTE = "slack"
DEFAULT_MINUTES = 24 * 60.0
REASONS = ("no", "optional", "required")
STYLES = ("", "primary", "danger")
MOST_CHOICES = 25  # buttons of one block
MOST_BLOCKS = 44  # of the 50 of a message; the rest is ours
LONGEST_LABEL = 75  # units (text_length.py) on a button
LONGEST_TEXT = 3000  # units of a section
RESERVED = "expired"  # a caller may test for it
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
    ours: bool = True

    @property
    def is_secret(self) -> bool:
        """Whether something in its answer must not be shown."""
        return any(each.secret for each in self.fields)

    def choice(self, value: str) -> Optional[Choice]:
        """The choice of this value; None where it is none of them."""
        return next((each for each in self.choices if each.value == value), None)


def question_of_ask(given: Mapping[str, Any], asker: str, asked_at: float) -> Question:
    """The question in the parameters of slack.ask. `asker`: action that asks; `asked_at`: Unix.

    Raises InputError, naming the parameter, for what cannot be asked.
    """
    needed = _whole(given.get("needed"), "needed", 1)
    minutes = _minutes(given.get("expires_after"), "expires_after", DEFAULT_MINUTES)
    remind = _minutes(given.get("remind_every"), "remind_every", 0.0)
    question = Question(
        name=_name(given.get("name"), asker),
        text=_text(given),
        channel=_required(given, "channel", 200),
        blocks=_blocks(given.get("blocks")),
        choices=_choices(given.get("choices"), needed),
        approvers=_approvers(given.get("approvers")),
        allow_own=bool(given.get("allow_own")),
        requester=_person(given.get("requester")),
        reason=_one_of(given.get("ask_reason") or "no", "ask_reason", REASONS),
        deadline=asked_at + 60 * minutes if minutes else None,
        remind_every=60 * remind if remind else None,
        workspace=str(given.get("workspace") or ""),
    )
    if question.reason != "no":
        return _with_reason(question)
    return question


def question_of_schema(
    schema: Any, asker: str, channel: str, workspace: str = "", text: str = ""
) -> Question:
    """The question of a core.ask in somebody's own workflow.

    A schema of one yes/no or one list of values becomes buttons, any other a form.
    """
    fields = fields_of(schema)
    choices: Tuple[Choice, ...] = ()
    if len(fields) == 1 and fields[0].kind in ("boolean", "choice"):
        choices = _buttons(fields[0])
    title = schema.get("title") if isinstance(schema, Mapping) else None
    asked = "`%s` asks" % asker + (": %s" % title if isinstance(title, str) and title else ".")
    return Question(
        name=asker,
        text=text or asked,
        channel=channel,
        choices=choices,
        fields=fields,
        workspace=workspace,
        allow_own=False,
        ours=False,
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


def route_of(route: Any) -> Optional[str]:
    """The channel that a route of core.ask names: slack:CHANNEL; "" for slack; None: not ours."""
    kind, _, channel = str(route or "").partition(":")
    return channel.strip() if kind == ROUTE else None


# --- parts ----------------------------------------------------------------------------------------


def _required(given: Mapping[str, Any], key: str, longest: int) -> str:
    text = str(given.get(key) or "").strip()
    if not text:
        raise InputError("Parameter `%s` is empty." % key)
    if text_length(text) > longest:
        raise InputError("Parameter `%s` has more than %d characters." % (key, longest))
    return text


def _text(given: Mapping[str, Any]) -> str:
    """The question as text; with `blocks` it is the fallback, and may be left out."""
    if given.get("blocks") and not str(given.get("text") or "").strip():
        return "A question for you"
    return _required(given, "text", LONGEST_TEXT)


def _name(given: Any, asker: str) -> str:
    name = str(given or asker).strip()
    if not _APPROVAL_NAME.fullmatch(name):
        raise InputError(
            "Parameter `name` must be letters, digits and . _ : / - only, 100 at most: rules of "
            "`authorization` name it as approval:NAME."
        )
    return name


def _blocks(given: Any) -> Tuple[Mapping[str, Any], ...]:
    if given in (None, []):
        return ()
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise InputError("Parameter `blocks` must be a list of objects.")
    if len(given) > MOST_BLOCKS:
        raise InputError("Parameter `blocks` has more than %d blocks." % MOST_BLOCKS)
    for each in given:
        if str(each.get("block_id") or "").startswith("st2_"):
            raise InputError("Parameter `blocks`: a block_id must not begin with st2_.")
    return tuple(given)


def _choices(given: Any, needed: int) -> Tuple[Choice, ...]:
    if given in (None, []):
        return (
            Choice("approve", "Approve", "primary", needed),
            Choice("reject", "Reject", "danger", 1),
        )
    if not isinstance(given, list) or len(given) > MOST_CHOICES:
        raise InputError("Parameter `choices` must be a list of 1 to %d." % MOST_CHOICES)
    choices = tuple(_choice(each, needed) for each in given)
    values = [each.value for each in choices]
    twice = next((each for each in values if values.count(each) > 1), None)
    if twice:
        raise InputError("Parameter `choices` has %r twice." % twice)
    return choices


def _choice(given: Any, needed: int) -> Choice:
    entry = given if isinstance(given, dict) else {"value": given}
    unknown = sorted(set(entry) - {"value", "label", "style", "needed"})
    if unknown:
        raise InputError(
            "Parameter `choices` does not know %r; a choice has value, label, style and needed."
            % unknown[0]
        )
    value = entry.get("value")
    if not isinstance(value, str) or not value.strip() or value == RESERVED:
        raise InputError(
            "Parameter `choices`: every choice needs a `value`, a text other than %r." % RESERVED
        )
    label = str(entry.get("label") or value).strip()
    if max(text_length(label), text_length(value)) > LONGEST_LABEL:
        raise InputError("Parameter `choices`: %d characters at most." % LONGEST_LABEL)
    style = _one_of(str(entry.get("style") or ""), "choices, style", STYLES)
    return Choice(value, label, style, _whole(entry.get("needed"), "choices, needed", needed))


def _buttons(asked: Field) -> Tuple[Choice, ...]:
    if asked.kind == "boolean":
        return (Choice("true", "Yes", "primary"), Choice("false", "No", "danger"))
    if (
        len(asked.options) > MOST_CHOICES
        or max(map(text_length, asked.options), default=0) > LONGEST_LABEL
    ):
        return ()
    return tuple(Choice(each, each) for each in asked.options)


def _approvers(given: Any) -> Tuple[str, ...]:
    if given in (None, []):
        return ()
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise InputError("Parameter `approvers` must be a list of texts.")
    shapes = (PERSON_ID, USERGROUP_ID, USERGROUP_HANDLE, LDAP_GROUP)
    approvers = tuple(map(plain_id, given))
    for each in approvers:
        if each != EVERYONE and not any(shape.fullmatch(each) for shape in shapes):
            raise InputError(
                "Parameter `approvers` has %r. It takes IDs of people (U...), IDs (S...) or "
                "handles (@...) of user groups, DNs of LDAP groups, and everyone; never names."
                % each
            )
    return approvers


def _person(given: Any) -> str:
    person = plain_id(str(given or ""))
    if person and not PERSON_ID.fullmatch(person):
        raise InputError("Parameter `requester` must be the ID of a person in Slack (U...).")
    return person


def _one_of(value: Any, key: str, known: Sequence[str]) -> str:
    if value not in known:
        raise InputError(
            "Parameter `%s` must be one of %s." % (key, ", ".join(filter(None, known)))
        )
    return str(value)


def _whole(value: Any, key: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError("Parameter `%s` must be a whole number, 1 or more." % key)
    return value


def _minutes(value: Any, key: str, default: float) -> float:
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


def _with_reason(question: Question) -> Question:
    asked = Field("reason", "Reason", "text", required=question.reason == "required", long=True)
    return replace(question, fields=(asked,))


def people_in(approvers: Sequence[str]) -> List[str]:
    """IDs of the people whom a list of approvers names one by one."""
    return [each for each in approvers if PERSON_ID.fullmatch(each)]
