"""PURE: what came of an execution → a message for Slack. No I/O, no clock.

The message has a head (how it ended, the action, how long it took), the errors, what the alias says
or the result in pieces, and at its foot who asked and a link. What others wrote, results and names
above all, is shown as it is: code goes into preformatted rich text, where Slack reads no markup,
all else is escaped, and nothing in it can ping anybody. An alias's own text may hold markup and
mention people; what would ping a whole channel or group is shown as text there too.

Limits (docs.slack.dev/reference/block-kit/blocks, chat.postMessage): 50 blocks, 3,000 characters of
text in a section; counted as text_length.py says. What does not fit is in `full_output`.
"""

from __future__ import annotations

import json
import re
from typing import (
    Any,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from slack_sdk.models.blocks import (
    ContextBlock,
    MarkdownTextObject,
    RichTextBlock,
    RichTextElementParts,
    RichTextPreformattedElement,
    SectionBlock,
)

from st2slack.base.ids import PERSON_ID
from st2slack.base.mrkdwn import escape, without_pings
from st2slack.base.text_length import text_length
from st2slack.base.truncate import URL, beginning, closed, head, linked
from st2slack.base.typed_text import texts_in, without_typed_forms
from st2slack.results.outcome import Outcome, duration, read_outcome, requester_of
from st2slack.results.plain_text import Section, clean

Json = Dict[str, Any]
MAX_SECTION = (
    2400  # units (text_length.py) of a piece; Slack takes 3,000 in a section, and links grow
)
MAX_BODY = 7000  # of all pieces of a message together
MIN_SECTION = 100  # room that is worth a piece
MAX_SECTIONS = 12
MAX_BLOCKS = 50
MAX_ATTACHMENTS = 20  # that an alias may bring
MAX_SUMMARY = 600  # what a notification shows
REQUEST_BLOCK_ID = "st2_asked"  # block_id of the line that says who asked for what; it is kept

_TS = re.compile(r"\d{1,16}\.\d{6}")
# What StackStorm gives that was not told its own address.
_NOWHERE = re.compile(r"https?://(localhost|127\.0\.0\.1)[:/]")
# What an attachment may have (MessageAttachment of @slack/types, and
# docs.slack.dev/legacy/legacy-messaging/legacy-secondary-attachments), `blocks` aside: they are the
# message's.
_OF_ATTACHMENT = (
    *("color", "pretext", "author_name", "author_link", "author_icon", "author_subname"),
    *("title", "title_link", "text", "fields", "image_url", "thumb_url", "footer", "footer_icon"),
    *("ts", "fallback", "mrkdwn_in", "actions", "callback_id", "attachment_type"),
)
_OPTIONS = ("unfurl_links", "unfurl_media")
_NAMES = ("username", "icon_emoji", "icon_url")  # whom a new message seems to be from


class FullOutput(NamedTuple):
    """What did not fit, whole: the name of a file, and what is in it."""

    name: str
    text: str


class ResultMessage(NamedTuple):
    """A message. `channel`, `thread_ts`: where the alias wants it, "" if it does not say;
    `header_size`: how many blocks say who asked and how it ended.
    """

    text: str
    blocks: List[Json]
    attachments: List[Json]
    options: Json
    channel: str = ""
    thread_ts: str = ""
    full_output: Optional[FullOutput] = None
    header_size: int = 1

    def content(self, note: str = "") -> Json:
        """What chat.postMessage and chat.update take; `note`: plain text for the last line."""
        blocks = self.blocks + ([_context(escape(clean(note)))] if note else [])
        # Empty lists take the old ones away where a message is changed.
        content = {"text": self.text, "blocks": blocks, "attachments": self.attachments}
        return {**content, **self.options}

    def pointing_to(self, channel: str) -> Json:
        """What an acknowledgement becomes whose result is in another conversation."""
        where = _context("The result is in <#%s>." % channel)
        return {
            "text": self.text,
            "blocks": [*self.blocks[: self.header_size], where],
            "attachments": [],
        }


class FormattedAlias(NamedTuple):
    """What the alias makes of it: its text in Slack markup, and its `extra.slack`."""

    text: str = ""
    extra: Mapping[str, Any] = {}


NOTHING_FORMATTED = FormattedAlias()


def build_message(
    execution: Mapping[str, Any],
    alias: FormattedAlias = NOTHING_FORMATTED,
    asked: Sequence[Json] = (),
    user: str = "",
    note: str = "",
) -> ResultMessage:
    """The message about an execution.

    `asked`: blocks of the acknowledgement that stay on top; `user`: who asked, a Slack ID or other
    plain text, "" where only the execution tells it; `note`: the operator's own words.
    """
    outcome = read_outcome(execution)
    ref = clean(_action(execution)) or "an action"
    body = _Body(ref, str(execution.get("id") or ""))
    body.add_all(outcome.errors)
    note = without_typed_forms(note, list(texts_in(execution.get("parameters"))))
    said = _author_text("\n".join(filter(None, (note, alias.text))))
    own, attachments = _of_alias(alias.extra, said, body)
    if said and not (own or attachments):
        body.add_text(said)
    if not (alias.text or own or attachments) or not outcome.is_success:
        body.add_all(outcome.body)
    above = [*asked, _section(_head(outcome, ref, execution)), *body.blocks]
    foot = _foot(execution, "" if asked else clean(user) or requester_of(execution))
    room = MAX_BLOCKS - len(above) - len(foot) - 1  # one for a note
    return ResultMessage(
        text=_summary(outcome, ref, said, body),
        blocks=[*above, *own[:room], *foot],
        attachments=attachments,
        options=_options(alias.extra),
        channel=_conversation(alias.extra.get("channel")),
        thread_ts=timestamp(alias.extra.get("thread_ts")),
        full_output=body.full_output(said),
        header_size=len(asked) + 1,
    )


def timestamp(value: Any) -> str:
    """`value` if it is the timestamp of a message, else ""."""
    return value if isinstance(value, str) and _TS.fullmatch(value) else ""


def _conversation(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _options(extra: Mapping[str, Any]) -> Json:
    """The arguments of chat.postMessage that an alias may set."""
    told = {key: extra[key] for key in _OPTIONS if isinstance(extra.get(key), bool)}
    names = {key: clean(extra[key]) for key in _NAMES if isinstance(extra.get(key), str)}
    return {**told, **{key: name for key, name in names.items() if name}}


def _action(execution: Mapping[str, Any]) -> str:
    action = execution.get("action")
    return str(action.get("ref") or "") if isinstance(action, Mapping) else ""


# --- its parts ----------------------------------------------------------------------------------


def _head(outcome: Outcome, ref: str, execution: Mapping[str, Any]) -> str:
    took = duration(execution.get("elapsed_seconds"))
    after = " %s %s" % ("after" if not outcome.is_success else "in", took) if took else ""
    name = head(escape(ref.replace("`", "'")), 200)
    return "%s `%s` *%s*%s" % (outcome.emoji, name, escape(outcome.description), after)


def _summary(outcome: Outcome, ref: str, said: str, body: _Body) -> str:
    """What a notification shows, and a client that knows no blocks."""
    first = "%s %s" % (escape(ref), escape(outcome.description))
    text = escape(body.first) if outcome.errors or not said else said
    return "\n".join(filter(None, (first, head(text, MAX_SUMMARY))))


def _foot(execution: Mapping[str, Any], user: str) -> List[Json]:
    """Who asked, and the way to the execution."""
    said = []
    if user:
        name = "<@%s>" % user if PERSON_ID.fullmatch(user) else escape(user)
        said.append("asked by %s" % head(name, 200))
    url, execution_id = execution.get("web_url"), clean(execution.get("id") or "")
    if isinstance(url, str) and URL.fullmatch(url) and not _NOWHERE.match(url):
        said.append("<%s|execution %s>" % (escape(url), escape(execution_id)))
    elif execution_id:
        said.append("execution %s" % escape(execution_id))
    return [_context(" - ".join(said))] if said else []


class _Body:
    """The pieces that fit into a message, and whether any did not."""

    def __init__(self, ref: str, execution_id: str) -> None:
        self.blocks: List[Json] = []
        self.first = ""  # the beginning of the first piece, plain
        self._name = "%s-%s.txt" % (re.sub(r"[^\w.-]", "_", ref)[:100], execution_id)
        self._left = MAX_BODY
        self._pieces = 0
        self._cut = False
        self._all: List[Section] = []

    def add_all(self, parts: Sequence[Section]) -> None:
        """Take pieces in, as long as there is room."""
        for part in parts:
            self._all.append(part)
            self._add(part)

    def _add(self, part: Section) -> None:
        if self._left < MIN_SECTION or self._pieces >= MAX_SECTIONS:
            self._cut = True
            return
        shown = beginning(part.text, min(MAX_SECTION, self._left), str if part.code else escape)
        self._count(shown, len(shown) < len(part.text))
        self.first = self.first or shown
        if part.title:
            self.blocks.append(_section("*%s*" % escape(beginning(_title(part.title), 200))))
        self.blocks.append(_code(shown) if part.code else _section(linked(escape(shown))))

    def add_text(self, text: str) -> None:
        """Take Slack markup in."""
        shown = head(text, min(MAX_SECTION, max(self._left, 500)))
        self._count(shown, len(shown) < len(text))
        self.blocks.append(_section(linked(closed(shown))))

    def fitting(self, text: str) -> str:
        """The beginning of Slack markup that stands elsewhere in the message."""
        shown = head(text, MAX_SECTION)
        self._count(shown, len(shown) < len(text))
        return closed(shown)

    def _count(self, shown: str, cut: bool) -> None:
        self._left -= text_length(shown)
        self._pieces += 1
        self._cut = self._cut or cut

    def full_output(self, said: str) -> Optional[FullOutput]:
        """Everything as one text, if the message does not show everything."""
        if not self._cut:
            return None
        parts = ([Section("", said)] if said else []) + self._all
        pieces = ["%s\n%s" % (part.title, part.text) if part.title else part.text for part in parts]
        return FullOutput(self._name, "\n\n".join(pieces) + "\n")


def _title(text: str) -> str:
    return " ".join(clean(text).replace("*", " ").split()) or "..."


# --- what an alias brings -----------------------------------------------------------------------


def _of_alias(extra: Mapping[str, Any], said: str, body: _Body) -> Tuple[List[Json], List[Json]]:
    """(blocks, attachments) of `extra.slack`: whole ones, and the members of one attachment.

    That one takes the alias's text in, as people have it from Hubot; where it has a text of its
    own, the alias's stands above.
    """
    blocks, attachments = _objects(extra.get("blocks")), _objects(extra.get("attachments"))
    (single,) = _objects([{key: extra[key] for key in _OF_ATTACHMENT if extra.get(key)}])
    if said and (single.get("text") or (not single and (blocks or attachments))):
        body.add_text(said)
    if single:
        single.setdefault("text", body.fitting(said))
        attachments.insert(0, {"mrkdwn_in": ["text", "pretext"], **single})
    return blocks, attachments[:MAX_ATTACHMENTS]


def _objects(value: Any) -> List[Json]:
    if not isinstance(value, list):
        return []
    found = [each for each in value if isinstance(each, Mapping)]
    text = without_pings(json.dumps(found, ensure_ascii=False, default=str))
    full_output: List[Json] = json.loads(text.encode("utf-8", "replace"))
    return full_output


def _author_text(text: str) -> str:
    """An alias's text. `{~}` parted what Hubot showed above an attachment from what was in it."""
    return without_pings(clean(text).replace("{~}", "\n").strip())


# --- blocks -------------------------------------------------------------------------------------


def _section(text: str) -> Json:
    return _block(SectionBlock(text=MarkdownTextObject(text=text, verbatim=True)))


def _context(text: str) -> Json:
    return _block(ContextBlock(elements=[MarkdownTextObject(text=text, verbatim=True)]))


def _code(text: str) -> Json:
    element = RichTextPreformattedElement(elements=[RichTextElementParts.Text(text=text)])
    return _block(RichTextBlock(elements=[element]))


def _block(block: Any) -> Json:
    made: Json = block.to_dict()
    return made


def request_blocks(message: Mapping[str, Any], user: str, ref: str) -> List[Json]:
    """The line of an acknowledgement that says who asked for what, to stay on top.

    Its own block where there is one, else what it begins with, else what is known.
    """
    blocks = message.get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, Mapping) and block.get("block_id") == REQUEST_BLOCK_ID:
            return [dict(block)]
    text = message.get("text")
    first = head(text.strip().split("\n")[0], MAX_SECTION) if isinstance(text, str) else ""
    if not first and PERSON_ID.fullmatch(user):
        first = "<@%s> asked for `%s`" % (user, escape(ref.replace("`", "'")))
    if not first:
        return []
    return [{**_section(closed(without_pings(first))), "block_id": REQUEST_BLOCK_ID}]
