"""PURE: how a question looks in Slack, open and locked. Built with slack_sdk's models.

A button carries the ID of the inquiry (in its block_id) and the value of a choice; both are checked
against what StackStorm says and against where the message is, so that they are hints, not rights.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence

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

from st2slack.approvals.form import INPUT, LONGEST_TEXT, PREFIX, Field
from st2slack.approvals.question import Choice, Question
from st2slack.approvals.votes import Vote, of_choice
from st2slack.base.ids import PERSON_ID, USERGROUP_ID
from st2slack.base.mrkdwn import escape
from st2slack.base.text_length import shorten, text_length
from st2slack.base.truncate import head
from st2slack.settings.access import EVERYONE

Block = Dict[str, Any]
BLOCK = "st2_question:"  # block_id of the buttons: + the inquiry
CHOOSE = "st2_question_choose"  # action_id of a button that answers; + its place among them
FORM = "st2_question_form"  # … of one that wants a form first; + its place
SEND = "st2_question_send"  # … of the one below a form that stands in a message
CALLBACK = "st2_question"  # callback_id of the modal
MOST_SHOWN = 20  # people that one line names
LONGEST_REASON = 500
LONGEST_CONTEXT = 2900
WAITS = " The workflow goes on when its other answers have been taken."
_EPOCH = datetime(1970, 1, 1)


def blocks_open(question: Question, inquiry: str, votes: Sequence[Vote], who: str) -> List[Block]:
    """The message while it can be answered. `who`: who may answer, in mrkdwn."""
    lines = [_line_of_who(question, who), *_counts(question, votes)]
    return [*_asked(question), _context(lines), _buttons(question, inquiry)]


def blocks_locked(question: Question, outcome: str, votes: Sequence[Vote]) -> List[Block]:
    """The message at the end. `outcome`: mrkdwn, see `outcome_of`."""
    blocks = [*_asked(question), _section(outcome)]
    lines = [*_counts(question, votes), *_reasons(votes)]
    return [*blocks, _context(lines)] if lines else blocks


def blocks_queued(
    question: Question, response: Mapping[str, Any], votes: Sequence[Vote]
) -> List[Block]:
    """The message once it is decided, while other answers of the same workflow come first."""
    if response.get("expired"):
        what = ":hourglass: *Expired*; not decided."
    else:
        choice = question.choice(str(response.get("choice"))) if question.ours else None
        mark = _mark(choice.style if choice else "primary")
        what = "%s *%s*." % (mark, _chosen(question, response))
    return blocks_locked(question, what + WAITS, votes)


def outcome_of(
    question: Question, response: Mapping[str, Any], votes: Sequence[Vote], at: float, behind: bool
) -> str:
    """What came of it. `behind`: whether the votes stand behind the response; `at`: Unix."""
    when = date(at)
    if not behind:
        return ":warning: *%s*, answered outside of Slack, %s. No vote stands behind it." % (
            _chosen(question, response),
            when,
        )
    if response.get("expired"):
        return ":hourglass: *Expired* %s; not decided." % when
    choice = question.choice(str(response.get("choice"))) if question.ours else None
    who = of_choice(votes, choice) if choice else list(votes)
    people = mentions([each.user for each in who])
    return "%s *%s* by %s, %s." % (
        _mark(choice.style if choice else "primary"),
        _chosen(question, response),
        people,
        when,
    )


def outcome_canceled(why: str = "The workflow that asked goes on no more.") -> str:
    """What stands there when nobody waits for an answer."""
    return ":no_entry_sign: *Canceled.* %s" % why


def fallback(question: Question) -> str:
    """The text of notifications and screen readers."""
    return question.text


def modal(question: Question, inquiry: str, choice: str, channel: str, ts: str) -> Block:
    """The form as a modal. What it is about stands in its private_metadata, which Slack keeps."""
    picked = question.choice(choice)
    view = View(
        type="modal",
        callback_id=CALLBACK,
        title=PlainTextObject(text="Your answer"),
        submit=PlainTextObject(text=shorten(picked.label if picked else "Send", 24)),
        close=PlainTextObject(text="Back"),
        blocks=[_cut_section(question.text), *map(_input, question.fields)],
        private_metadata=" ".join((inquiry, channel, ts, choice)),
    )
    return view.to_dict()


def form_in_thread(question: Question, inquiry: str, choice: str, user: str) -> List[Block]:
    """The form as a message, for a person whose modal came too late."""
    picked = question.choice(choice)
    asked = "<@%s>, you chose *%s*. %s" % (
        user,
        escape(picked.label) if picked else "to answer",
        "Why?" if question.ours else "What is your answer?",
    )
    button = ButtonElement(
        text=PlainTextObject(text="Send"), action_id=SEND, value=choice or "-", style="primary"
    )
    blocks = [SectionBlock(text=MarkdownTextObject(text=asked)), *map(_input, question.fields)]
    blocks.append(ActionsBlock(block_id=BLOCK + inquiry, elements=[button]))
    return [each.to_dict() for each in blocks]


def format_approvers(approvers: Sequence[str]) -> str:
    """People and groups as `who` of a rule names them, in mrkdwn."""
    shown = [_one(each) for each in approvers[:MOST_SHOWN]]
    more = len(approvers) - len(shown)
    return ", ".join(shown) + (" and %d more" % more if more > 0 else "")


def mentions(people: Sequence[str]) -> str:
    """People as mentions."""
    return format_approvers(list(dict.fromkeys(people))) or "nobody"


def date(at: float) -> str:
    """A moment as each reader's Slack writes it. `at`: Unix seconds."""
    plain = (_EPOCH + timedelta(seconds=int(at))).strftime("%Y-%m-%d %H:%M UTC")
    return "<!date^%d^{date_short_pretty} {time}|%s>" % (int(at), plain)


# --- parts ----------------------------------------------------------------------------------------


def _asked(question: Question) -> List[Block]:
    if question.blocks:
        return [dict(each) for each in question.blocks]
    return [_section(question.text)]


def _section(text: str) -> Block:
    return SectionBlock(text=MarkdownTextObject(text=_cut_markup(text, LONGEST_TEXT))).to_dict()


def _cut_section(text: str) -> SectionBlock:
    return SectionBlock(text=MarkdownTextObject(text=_cut_markup(text, LONGEST_TEXT)))


def _context(lines: Sequence[str]) -> Block:
    text = _cut_markup("\n".join(lines), LONGEST_CONTEXT)
    return ContextBlock(elements=[MarkdownTextObject(text=text)]).to_dict()


def _line_of_who(question: Question, who: str) -> str:
    parts = ["May answer: %s" % who]
    needed = sorted({each.needed for each in question.choices if each.needed > 1})
    if needed:
        parts.append(_needed(question))
    if not question.allow_own:
        parts.append("not who started it")
    if question.deadline is not None:
        parts.append("until %s" % date(question.deadline))
    return " | ".join(parts)


def _needed(question: Question) -> str:
    each = {choice.needed for choice in question.choices}
    if len(each) == 1:
        return "%d must agree" % each.pop()
    return "needed: " + ", ".join(
        "%s %d" % (escape(one.label), one.needed) for one in question.choices
    )


def _counts(question: Question, votes: Sequence[Vote]) -> List[str]:
    """A line for each choice that somebody has chosen."""
    lines = []
    for choice in question.choices:
        chosen = of_choice(votes, choice)
        if not chosen or not question.ours:
            continue
        of = " of %d" % choice.needed if choice.needed > 1 else ""
        people = mentions([each.user for each in chosen])
        lines.append(
            "%s %s: %d%s (%s)"
            % (_mark(choice.style), escape(choice.label), len(chosen), of, people)
        )
    return lines


def _reasons(votes: Sequence[Vote]) -> List[str]:
    return [
        "<@%s>: %s" % (each.user, escape(shorten(" ".join(each.reason.split()), LONGEST_REASON)))
        for each in votes
        if each.reason
    ]


def _buttons(question: Question, inquiry: str) -> Block:
    fields = bool(question.fields) and (question.ours or not question.choices)
    kind = FORM if fields else CHOOSE
    choices = question.choices or (Choice("-", "Answer", "primary"),)
    return ActionsBlock(
        block_id=BLOCK + inquiry,
        elements=[_button(each, "%s_%d" % (kind, place)) for place, each in enumerate(choices)],
    ).to_dict()


def _button(choice: Choice, action_id: str) -> ButtonElement:
    sure = None
    if choice.style == "danger" and choice.needed == 1:
        sure = ConfirmObject(
            title="Are you sure?", text="This decides: %s" % escape(choice.label), confirm="Yes"
        )
    return ButtonElement(
        text=PlainTextObject(text=choice.label, emoji=True),
        action_id=action_id,
        value=choice.value,
        style=choice.style or None,
        confirm=sure,
    )


def _chosen(question: Question, response: Mapping[str, Any]) -> str:
    if question.ours:
        choice = question.choice(str(response.get("choice")))
        return escape(choice.label) if choice else "Expired"
    if len(question.fields) == 1 and not question.fields[0].secret:
        value = response.get(question.fields[0].key)
        plain = {True: "Yes", False: "No"}.get(value) if isinstance(value, bool) else value
        return escape(shorten(" ".join(str(plain).split()), LONGEST_REASON))
    return "Answered"


def _mark(style: str) -> str:
    marks = {"primary": ":white_check_mark:", "danger": ":x:"}
    return marks.get(style, ":ballot_box_with_check:")


def _one(entry: str) -> str:
    if entry == EVERYONE:
        return "every full member"
    if PERSON_ID.fullmatch(entry):
        return "<@%s>" % entry
    if USERGROUP_ID.fullmatch(entry):
        return "<!subteam^%s>" % entry
    if entry.startswith("@"):
        return escape(entry)
    return escape(entry.split(",", maxsplit=1)[0].partition("=")[2].strip() or entry)


def _cut_markup(markup: str, most: int) -> str:
    """Slack markup in at most `most` units, cut within none of its forms."""
    return markup if text_length(markup) <= most else head(markup, most - 3) + "..."


# --- inputs ---------------------------------------------------------------------------------------


def _input(asked: Field) -> InputBlock:
    return InputBlock(
        block_id=PREFIX + asked.key,
        label=PlainTextObject(text=shorten(asked.label, 2000)),
        element=_element(asked),
        hint=PlainTextObject(text=shorten(asked.hint, 2000)) if asked.hint else None,
        optional=not asked.required,
    )


def _element(asked: Field) -> InputInteractiveElement:
    if asked.kind == "boolean":
        options = [_option("true", "Yes"), _option("false", "No")]
        return RadioButtonsElement(action_id=INPUT, options=options)
    if asked.kind == "choice":
        return StaticSelectElement(
            action_id=INPUT, options=[_option(each) for each in asked.options]
        )
    if asked.kind == "choices":
        options = [_option(each) for each in asked.options]
        few = len(options) <= 10
        return (
            CheckboxesElement(action_id=INPUT, options=options)
            if few
            else StaticMultiSelectElement(action_id=INPUT, options=options)
        )
    if asked.kind in ("integer", "number"):
        return NumberInputElement(action_id=INPUT, is_decimal_allowed=asked.kind == "number")
    return PlainTextInputElement(
        action_id=INPUT, multiline=asked.long or asked.kind == "json", max_length=LONGEST_TEXT
    )


def _option(value: str, label: Optional[str] = None) -> Option:
    return Option(value=value, text=PlainTextObject(text=label or value))
