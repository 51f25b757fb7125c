"""PURE: the outcome of an execution -> a message for Slack. No I/O, no clock.

The message has a header (how it ended, the action, how long it took), the errors, the alias's text
or the result in sections, and a footer (who asked, a link). Results and names are shown as they
are: code goes into preformatted rich text, where Slack reads no markup, everything else is escaped,
and nothing in it can notify anybody. An alias's own text is allowed to hold markup and to mention
people; what would notify a whole channel or group is shown as text there too.

Limits (docs.slack.dev/reference/block-kit/blocks, chat.postMessage): 50 blocks, 3,000 characters of
text in a section; counted as text_length.py says. What does not fit is in `full_output`.
"""

from __future__ import annotations

import json
import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    MarkdownTextObject,
    RichTextBlock,
    RichTextElementParts,
    RichTextPreformattedElement,
    SectionBlock,
)

from st2slack.base.ids import PERSON_ID
from st2slack.base.json_access import JsonObject, as_objects, as_text, get_objects, get_text
from st2slack.base.mrkdwn import escape, without_pings
from st2slack.base.text_length import text_length
from st2slack.base.truncate import URL, close_code_block, link_urls, truncate_markup, truncate_text
from st2slack.base.typed_text import texts_in, without_typed_references
from st2slack.results.outcome import Outcome, duration, read_outcome, requester_of
from st2slack.results.plain_text import Section, clean
from st2slack.stackstorm.execution import Execution

# Units (text_length.py) of a section. Slack accepts 3,000, and links grow when they are marked.
MAX_SECTION = 2400
MAX_BODY = 7000  # units of all sections of a message together
MIN_SECTION = 100  # with less space than that left, no further section is added
MAX_SECTIONS = 12
MAX_BLOCKS = 50
MAX_ATTACHMENTS = 20  # of an alias
MAX_SUMMARY = 600  # units of the text that notifications show
REQUEST_BLOCK_ID = "st2_asked"  # block_id of the line that says who asked for what; it stays

_TS = re.compile(r"\d{1,16}\.\d{6}")
# The address of a StackStorm whose own URL is not configured.
_LOOPBACK = re.compile(r"https?://(localhost|127\.0\.0\.1)[:/]")
# Members of an attachment (MessageAttachment of @slack/types, and
# docs.slack.dev/legacy/legacy-messaging/legacy-secondary-attachments), without `blocks`: they are
# the message's.
_ATTACHMENT_KEYS = (
    *("color", "pretext", "author_name", "author_link", "author_icon", "author_subname"),
    *("title", "title_link", "text", "fields", "image_url", "thumb_url", "footer", "footer_icon"),
    *("ts", "fallback", "mrkdwn_in", "actions", "callback_id", "attachment_type"),
)
_FLAGS = ("unfurl_links", "unfurl_media")
_AUTHOR_KEYS = ("username", "icon_emoji", "icon_url")  # the author that a new message shows


class FullOutput(NamedTuple):
    """The complete output, if the message does not show it: name and content of a file."""

    name: str
    text: str


class ResultMessage(NamedTuple):
    """A message. `channel`, `thread_ts`: where the alias wants it, "" if it does not say;
    `header_size`: how many blocks say who asked and how it ended.
    """

    text: str
    blocks: List[JsonObject]
    attachments: List[JsonObject]
    options: JsonObject
    channel: str = ""
    thread_ts: str = ""
    full_output: Optional[FullOutput] = None
    header_size: int = 1

    def content(self, note: str = "") -> JsonObject:
        """What chat.postMessage and chat.update take; `note`: plain text for the last line."""
        blocks = self.blocks + ([_context_block(escape(clean(note)))] if note else [])
        # Empty lists remove the old ones when a message is changed.
        content = {"text": self.text, "blocks": blocks, "attachments": self.attachments}
        return {**content, **self.options}

    def pointing_to(self, channel: str) -> JsonObject:
        """The new content of an acknowledgement if the result is in another conversation."""
        where = _context_block("The result is in <#%s>." % channel)
        return {
            "text": self.text,
            "blocks": [*self.blocks[: self.header_size], where],
            "attachments": [],
        }


class FormattedAlias(NamedTuple):
    """The texts of an alias: its text in Slack markup, and its `extra.slack`."""

    text: str = ""
    extra: JsonObject = {}


NOTHING_FORMATTED = FormattedAlias()


def build_message(
    execution: Execution,
    alias: FormattedAlias = NOTHING_FORMATTED,
    request: Sequence[JsonObject] = (),
    user: str = "",
    note: str = "",
) -> ResultMessage:
    """The message about an execution.

    `request`: blocks of the acknowledgement that stay on top; `user`: who asked, a Slack ID or
    other plain text, "" if only the execution names them; `note`: the operator's text.
    """
    outcome = read_outcome(execution)
    ref = clean(execution.action) or "an action"
    body = _Body(ref, execution.id)
    body.add_all(outcome.errors)
    note = without_typed_references(note, list(texts_in(execution.parameters)))
    author_text = _author_text("\n".join(filter(None, (note, alias.text))))
    own_blocks, attachments = _alias_parts(alias.extra, author_text, body)
    if author_text and not (own_blocks or attachments):
        body.add_text(author_text)
    if not (alias.text or own_blocks or attachments) or not outcome.is_success:
        body.add_all(outcome.body)
    top_blocks = [*request, _section_block(_header(outcome, ref, execution)), *body.blocks]
    footer = _footer(execution, "" if request else clean(user) or requester_of(execution))
    max_blocks = MAX_BLOCKS - len(top_blocks) - len(footer) - 1  # one for a note
    return ResultMessage(
        text=_summary(outcome, ref, author_text, body),
        blocks=[*top_blocks, *own_blocks[:max_blocks], *footer],
        attachments=attachments,
        options=_options(alias.extra),
        channel=get_text(alias.extra, "channel").strip(),
        thread_ts=timestamp(alias.extra.get("thread_ts")),
        full_output=body.full_output(author_text),
        header_size=len(request) + 1,
    )


def timestamp(value: object) -> str:
    """`value` if it is the timestamp of a message, else ""."""
    text = as_text(value)
    return text if _TS.fullmatch(text) else ""


def _options(extra: JsonObject) -> JsonObject:
    """The arguments of chat.postMessage that an alias may set."""
    flags = {key: extra[key] for key in _FLAGS if isinstance(extra.get(key), bool)}
    names = {key: clean(get_text(extra, key)) for key in _AUTHOR_KEYS}
    return {**flags, **{key: name for key, name in names.items() if name}}


# --- header and footer -------------------------------------------------------------------------


def _header(outcome: Outcome, ref: str, execution: Execution) -> str:
    elapsed = duration(execution.elapsed)
    after = " %s %s" % ("after" if not outcome.is_success else "in", elapsed) if elapsed else ""
    name = truncate_markup(escape(ref.replace("`", "'")), 200)
    return "%s `%s` *%s*%s" % (outcome.emoji, name, escape(outcome.description), after)


def _summary(outcome: Outcome, ref: str, author_text: str, body: _Body) -> str:
    """The text for notifications, and for clients that do not show blocks."""
    first = "%s %s" % (escape(ref), escape(outcome.description))
    text = escape(body.first) if outcome.errors or not author_text else author_text
    return "\n".join(filter(None, (first, truncate_markup(text, MAX_SUMMARY))))


def _footer(execution: Execution, user: str) -> List[JsonObject]:
    """Who asked, and a link to the execution."""
    texts = []
    if user:
        name = "<@%s>" % user if PERSON_ID.fullmatch(user) else escape(user)
        texts.append("asked by %s" % truncate_markup(name, 200))
    url, execution_id = execution.web_url, clean(execution.id)
    if URL.fullmatch(url) and not _LOOPBACK.match(url):
        texts.append("<%s|execution %s>" % (escape(url), escape(execution_id)))
    elif execution_id:
        texts.append("execution %s" % escape(execution_id))
    return [_context_block(" - ".join(texts))] if texts else []


class _Body:
    """The sections that fit into a message, and whether something did not fit."""

    def __init__(self, ref: str, execution_id: str) -> None:
        self.blocks: List[JsonObject] = []
        self.first = ""  # the beginning of the first section, plain
        self._name = "%s-%s.txt" % (re.sub(r"[^\w.-]", "_", ref)[:100], execution_id)
        self._remaining = MAX_BODY
        self._section_count = 0
        self._is_cut = False
        self._sections: List[Section] = []

    def add_all(self, sections: Sequence[Section]) -> None:
        """Add sections as long as there is space."""
        for section in sections:
            self._sections.append(section)
            self._add(section)

    def _add(self, section: Section) -> None:
        if self._remaining < MIN_SECTION or self._section_count >= MAX_SECTIONS:
            self._is_cut = True
            return
        shown_text = truncate_text(
            section.text, min(MAX_SECTION, self._remaining), str if section.code else escape
        )
        self._use(shown_text, len(shown_text) < len(section.text))
        self.first = self.first or shown_text
        if section.title:
            self.blocks.append(
                _section_block("*%s*" % escape(truncate_text(_title(section.title), 200)))
            )
        self.blocks.append(
            _code_block(shown_text)
            if section.code
            else _section_block(link_urls(escape(shown_text)))
        )

    def add_text(self, text: str) -> None:
        """Add Slack markup."""
        shown_text = truncate_markup(text, min(MAX_SECTION, max(self._remaining, 500)))
        self._use(shown_text, len(shown_text) < len(text))
        self.blocks.append(_section_block(link_urls(close_code_block(shown_text))))

    def fit(self, text: str) -> str:
        """The beginning of Slack markup that goes elsewhere into the message."""
        shown_text = truncate_markup(text, MAX_SECTION)
        self._use(shown_text, len(shown_text) < len(text))
        return close_code_block(shown_text)

    def _use(self, shown_text: str, cut: bool) -> None:
        self._remaining -= text_length(shown_text)
        self._section_count += 1
        self._is_cut = self._is_cut or cut

    def full_output(self, author_text: str) -> Optional[FullOutput]:
        """Everything as one text, if the message does not show everything."""
        if not self._is_cut:
            return None
        sections = ([Section("", author_text)] if author_text else []) + self._sections
        texts = [
            "%s\n%s" % (section.title, section.text) if section.title else section.text
            for section in sections
        ]
        return FullOutput(self._name, "\n\n".join(texts) + "\n")


def _title(text: str) -> str:
    return " ".join(clean(text).replace("*", " ").split()) or "..."


# --- blocks and attachments of an alias ---------------------------------------------------------


def _alias_parts(
    extra: JsonObject, author_text: str, body: _Body
) -> Tuple[List[JsonObject], List[JsonObject]]:
    """(blocks, attachments) of `extra.slack`: complete ones, and the members of one attachment.

    That one contains the alias's text, as with Hubot; if it has a text of its own, the alias's text
    is above it.
    """
    blocks = _safe_objects(extra.get("blocks"))
    attachments = _safe_objects(extra.get("attachments"))
    (single,) = _safe_objects([{key: extra[key] for key in _ATTACHMENT_KEYS if extra.get(key)}])
    if author_text and (single.get("text") or (not single and (blocks or attachments))):
        body.add_text(author_text)
    if single:
        single.setdefault("text", body.fit(author_text))
        attachments.insert(0, {"mrkdwn_in": ["text", "pretext"], **single})
    return blocks, attachments[:MAX_ATTACHMENTS]


def _safe_objects(value: object) -> List[JsonObject]:
    """The objects in a list, in which nothing notifies a whole channel."""
    text = without_pings(json.dumps(as_objects(value), ensure_ascii=False, default=str))
    return as_objects(json.loads(text.encode("utf-8", "replace")))


def _author_text(text: str) -> str:
    """An alias's text. With Hubot, `{~}` separates the text above an attachment from that in it."""
    return without_pings(clean(text).replace("{~}", "\n").strip())


# --- blocks -------------------------------------------------------------------------------------


def _section_block(text: str) -> JsonObject:
    return _block(SectionBlock(text=MarkdownTextObject(text=text, verbatim=True)))


def _context_block(text: str) -> JsonObject:
    return _block(ContextBlock(elements=[MarkdownTextObject(text=text, verbatim=True)]))


def _code_block(text: str) -> JsonObject:
    element = RichTextPreformattedElement(elements=[RichTextElementParts.Text(text=text)])
    return _block(RichTextBlock(elements=[element]))


def _block(block: Block) -> JsonObject:
    return block.to_dict()


def request_blocks(message: JsonObject, user: str, ref: str) -> List[JsonObject]:
    """The line of an acknowledgement that says who asked for what, to stay on top.

    Its own block if there is one, else its first line, else what is known.
    """
    for block in get_objects(message, "blocks"):
        if block.get("block_id") == REQUEST_BLOCK_ID:
            return [dict(block)]
    first = truncate_markup(get_text(message, "text").strip().split("\n")[0], MAX_SECTION)
    if not first and PERSON_ID.fullmatch(user):
        first = "<@%s> asked for `%s`" % (user, escape(ref.replace("`", "'")))
    if not first:
        return []
    return [
        {**_section_block(close_code_block(without_pings(first))), "block_id": REQUEST_BLOCK_ID}
    ]
