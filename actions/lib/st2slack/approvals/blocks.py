"""PURE: how a question looks in Slack, open and locked. Built with slack_sdk's models.

A button carries the ID of the inquiry (in its block_id) and the value of a choice. They grant
nothing: both are checked against StackStorm and against the message of the question.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import List, Mapping, Optional, Sequence

from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    CheckboxesElement,
    ConfirmObject,
    ContextBlock,
    InputBlock,
    InputInteractiveElement,
    MarkdownTextObject,
    NumberInputElement,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    SectionBlock,
    StaticMultiSelectElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from st2slack.approvals.form import INPUT, MAX_TEXT_LENGTH, PREFIX, Field, FieldKind
from st2slack.approvals.question import ButtonStyle, Choice, Question
from st2slack.approvals.votes import Vote, votes_for
from st2slack.base.ids import USERGROUP_ID
from st2slack.base.json_access import JsonObject
from st2slack.base.mrkdwn import escape
from st2slack.base.text_length import shorten, text_length
from st2slack.base.truncate import truncate_markup
from st2slack.settings.entries import Entry, Everyone, Person, UserGroup

BLOCK = "st2_question:"  # block_id of the buttons: + the inquiry
CHOOSE = "st2_question_choose"  # action_id of a button that answers; + its position
FORM = "st2_question_form"  # … of one that needs a form first; + its position
SEND = "st2_question_send"  # … of the one below a form in a message
CALLBACK = "st2_question"  # callback_id of the modal
MAX_PEOPLE_SHOWN = 20  # people that one line names
MAX_REASON_LENGTH = 500
MAX_CONTEXT_LENGTH = 2900
WAITS_FOR_OTHERS = " The workflow continues when StackStorm has processed its other answers."
_EPOCH = datetime(1970, 1, 1)


def blocks_open(
    question: Question, inquiry_id: str, votes: Sequence[Vote], who: str
) -> List[JsonObject]:
    """The message while it is open. `who`: who is allowed to answer, in mrkdwn."""
    lines = [_approvers_line(question, who), *_vote_lines(question, votes)]
    return [*_question_blocks(question), _context(lines), _buttons(question, inquiry_id)]


def blocks_locked(question: Question, outcome: str, votes: Sequence[Vote]) -> List[JsonObject]:
    """The message at the end. `outcome`: mrkdwn, see `outcome_of`."""
    blocks = [*_question_blocks(question), _section(outcome)]
    lines = [*_vote_lines(question, votes), *_reason_lines(votes)]
    return [*blocks, _context(lines)] if lines else blocks


def blocks_queued(
    question: Question, response: Mapping[str, object], votes: Sequence[Vote]
) -> List[JsonObject]:
    """The message once it is decided, while other answers of the same workflow come first."""
    if response.get("expired"):
        what = ":hourglass: *Expired*; not decided."
    else:
        choice = question.find_choice(response.get("choice")) if question.is_from_ask else None
        mark = _mark(choice)
        what = "%s *%s*." % (mark, _answer_text(question, response))
    return blocks_locked(question, what + WAITS_FOR_OTHERS, votes)


def outcome_of(
    question: Question,
    response: Mapping[str, object],
    votes: Sequence[Vote],
    at: float,
    verified: bool,
) -> str:
    """The outcome, in mrkdwn. `verified`: whether the votes confirm the response; `at`: Unix."""
    when = format_date(at)
    if not verified:
        return ":warning: *%s*, answered outside of Slack, %s. No votes confirm it." % (
            _answer_text(question, response),
            when,
        )
    if response.get("expired"):
        return ":hourglass: *Expired* %s; not decided." % when
    choice = question.find_choice(response.get("choice")) if question.is_from_ask else None
    who = votes_for(votes, choice) if choice else list(votes)
    people = mentions([each.user for each in who])
    return "%s *%s* by %s, %s." % (
        _mark(choice),
        _answer_text(question, response),
        people,
        when,
    )


def outcome_canceled(why: str = "The workflow that asked has ended.") -> str:
    """The outcome if no workflow waits for an answer any more, in mrkdwn."""
    return ":no_entry_sign: *Canceled.* %s" % why


def fallback(question: Question) -> str:
    """The text of notifications and screen readers."""
    return question.text


def modal(question: Question, inquiry_id: str, choice: str, channel: str, ts: str) -> JsonObject:
    """The form as a modal. Its private_metadata, which Slack stores, says what it answers."""
    picked = question.find_choice(choice)
    view = View(
        type="modal",
        callback_id=CALLBACK,
        title=PlainTextObject(text="Your answer"),
        submit=PlainTextObject(text=shorten(picked.label if picked else "Send", 24)),
        close=PlainTextObject(text="Back"),
        blocks=[_cut_section(question.text), *map(_input, question.fields)],
        private_metadata=" ".join((inquiry_id, channel, ts, choice)),
    )
    return view.to_dict()


def form_in_thread(question: Question, inquiry_id: str, choice: str, user: str) -> List[JsonObject]:
    """The form as a message, if it was too late for a modal."""
    picked = question.find_choice(choice)
    text = "<@%s>, you chose *%s*. %s" % (
        user,
        escape(picked.label) if picked else "to answer",
        "Why?" if question.is_from_ask else "What is your answer?",
    )
    button = ButtonElement(
        text=PlainTextObject(text="Send"), action_id=SEND, value=choice or "-", style="primary"
    )
    blocks = [SectionBlock(text=MarkdownTextObject(text=text)), *map(_input, question.fields)]
    blocks.append(ActionsBlock(block_id=BLOCK + inquiry_id, elements=[button]))
    return [each.to_dict() for each in blocks]


def format_approvers(approvers: Sequence[Entry]) -> str:
    """Entries of `who`, in mrkdwn."""
    shown = [_format_entry(each) for each in approvers[:MAX_PEOPLE_SHOWN]]
    more = len(approvers) - len(shown)
    return ", ".join(shown) + (" and %d more" % more if more > 0 else "")


def mentions(people: Sequence[str]) -> str:
    """People as mentions."""
    return format_approvers([Person(each) for each in dict.fromkeys(people)]) or "nobody"


def format_date(at: float) -> str:
    """A moment as each reader's Slack writes it. `at`: Unix seconds."""
    plain = (_EPOCH + timedelta(seconds=int(at))).strftime("%Y-%m-%d %H:%M UTC")
    return "<!date^%d^{date_short_pretty} {time}|%s>" % (int(at), plain)


# --- parts ----------------------------------------------------------------------------------------


def _question_blocks(question: Question) -> List[JsonObject]:
    if question.blocks:
        return [dict(each) for each in question.blocks]
    return [_section(question.text)]


def _section(text: str) -> JsonObject:
    return SectionBlock(text=MarkdownTextObject(text=_cut_markup(text, MAX_TEXT_LENGTH))).to_dict()


def _cut_section(text: str) -> SectionBlock:
    return SectionBlock(text=MarkdownTextObject(text=_cut_markup(text, MAX_TEXT_LENGTH)))


def _context(lines: Sequence[str]) -> JsonObject:
    text = _cut_markup("\n".join(lines), MAX_CONTEXT_LENGTH)
    return ContextBlock(elements=[MarkdownTextObject(text=text)]).to_dict()


def _approvers_line(question: Question, who: str) -> str:
    parts = ["Allowed to answer: %s" % who]
    needed = sorted({each.needed for each in question.choices if each.needed > 1})
    if needed:
        parts.append(_needed(question))
    if not question.allow_own:
        parts.append("not the person who started it")
    if question.deadline is not None:
        parts.append("until %s" % format_date(question.deadline))
    return " | ".join(parts)


def _needed(question: Question) -> str:
    each = {choice.needed for choice in question.choices}
    if len(each) == 1:
        return "%d must agree" % each.pop()
    return "needed: " + ", ".join(
        "%s %d" % (escape(one.label), one.needed) for one in question.choices
    )


def _vote_lines(question: Question, votes: Sequence[Vote]) -> List[str]:
    """A line for each choice that has votes."""
    lines = []
    for choice in question.choices:
        chosen = votes_for(votes, choice)
        if not chosen or not question.is_from_ask:
            continue
        of = " of %d" % choice.needed if choice.needed > 1 else ""
        people = mentions([each.user for each in chosen])
        lines.append(
            "%s %s: %d%s (%s)" % (_mark(choice), escape(choice.label), len(chosen), of, people)
        )
    return lines


def _reason_lines(votes: Sequence[Vote]) -> List[str]:
    return [
        "<@%s>: %s" % (each.user, escape(shorten(" ".join(each.reason.split()), MAX_REASON_LENGTH)))
        for each in votes
        if each.reason
    ]


def _buttons(question: Question, inquiry_id: str) -> JsonObject:
    fields = bool(question.fields) and (question.is_from_ask or not question.choices)
    kind = FORM if fields else CHOOSE
    choices = question.choices or (Choice("-", "Answer", ButtonStyle.PRIMARY),)
    return ActionsBlock(
        block_id=BLOCK + inquiry_id,
        elements=[_button(each, "%s_%d" % (kind, place)) for place, each in enumerate(choices)],
    ).to_dict()


def _button(choice: Choice, action_id: str) -> ButtonElement:
    confirmation = None
    if choice.style is ButtonStyle.DANGER and choice.needed == 1:
        confirmation = ConfirmObject(
            title="Are you sure?", text="This decides: %s" % escape(choice.label), confirm="Yes"
        )
    return ButtonElement(
        text=PlainTextObject(text=choice.label, emoji=True),
        action_id=action_id,
        value=choice.value,
        style=choice.style.value or None,
        confirm=confirmation,
    )


def _answer_text(question: Question, response: Mapping[str, object]) -> str:
    if question.is_from_ask:
        choice = question.find_choice(response.get("choice"))
        return escape(choice.label) if choice else "Expired"
    if len(question.fields) == 1 and not question.fields[0].secret:
        value = response.get(question.fields[0].key)
        plain = {True: "Yes", False: "No"}.get(value) if isinstance(value, bool) else value
        return escape(shorten(" ".join(str(plain).split()), MAX_REASON_LENGTH))
    return "Answered"


def _mark(choice: Optional[Choice]) -> str:
    if choice is None or choice.style is ButtonStyle.PRIMARY:
        return ":white_check_mark:"
    return ":x:" if choice.style is ButtonStyle.DANGER else ":ballot_box_with_check:"


def _format_entry(entry: Entry) -> str:
    """One entry of `who`; a DN by its first value."""
    if isinstance(entry, Everyone):
        return "every full member"
    if isinstance(entry, Person):
        return "<@%s>" % entry.text
    if isinstance(entry, UserGroup):
        is_id = USERGROUP_ID.fullmatch(entry.text)
        return "<!subteam^%s>" % entry.text if is_id else escape(entry.text)
    name = entry.text.split(",", maxsplit=1)[0].partition("=")[2].strip()
    return escape(name or entry.text)


def _cut_markup(markup: str, max_length: int) -> str:
    """Slack markup in at most `max_length` units; no mention or link is cut."""
    return (
        markup
        if text_length(markup) <= max_length
        else truncate_markup(markup, max_length - 3) + "..."
    )


# --- inputs ---------------------------------------------------------------------------------------


def _input(field: Field) -> InputBlock:
    return InputBlock(
        block_id=PREFIX + field.key,
        label=PlainTextObject(text=shorten(field.label, 2000)),
        element=_element(field),
        hint=PlainTextObject(text=shorten(field.hint, 2000)) if field.hint else None,
        optional=not field.required,
    )


def _element(field: Field) -> InputInteractiveElement:
    if field.kind is FieldKind.BOOLEAN:
        options = [_option("true", "Yes"), _option("false", "No")]
        return RadioButtonsElement(action_id=INPUT, options=options)
    if field.kind is FieldKind.CHOICE:
        return StaticSelectElement(
            action_id=INPUT, options=[_option(each) for each in field.options]
        )
    if field.kind is FieldKind.CHOICES:
        options = [_option(each) for each in field.options]
        few = len(options) <= 10
        return (
            CheckboxesElement(action_id=INPUT, options=options)
            if few
            else StaticMultiSelectElement(action_id=INPUT, options=options)
        )
    if field.kind in (FieldKind.INTEGER, FieldKind.NUMBER):
        return NumberInputElement(
            action_id=INPUT, is_decimal_allowed=field.kind is FieldKind.NUMBER
        )
    return PlainTextInputElement(
        action_id=INPUT,
        multiline=field.long or field.kind is FieldKind.JSON,
        max_length=MAX_TEXT_LENGTH,
    )


def _option(value: str, label: Optional[str] = None) -> Option:
    return Option(value=value, text=PlainTextObject(text=label or value))
