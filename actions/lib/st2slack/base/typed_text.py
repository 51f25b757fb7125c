"""PURE: text that users typed, within the text of an alias or a workflow.

An author's text is allowed to hold links and mentions. What a user typed is not:
`<https://evil|Runbook>` in a command would become a link with a false label, in the app's name.
Slack's markup does not say who wrote a reference. So references are compared with what the author
wrote, and with what was typed.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, List, Mapping, Pattern, Sequence

from st2slack.base.json_access import JsonObject, as_list, as_object
from st2slack.base.mrkdwn import TokenKind, escape, tokens

_MENTION = re.compile(r"[@#][A-Z0-9]+")  # it has no label, and shows a name of Slack's
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<%.*?%>", re.DOTALL)
_MARK = "\0"  # stands for an expression of a template


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value of any depth; keys are none."""
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            yield each
        rest.extend(as_object(each).values())
        rest.extend(as_list(each))


def with_own_references(text: str, formats: Iterable[str]) -> str:
    """`text`, in which only mentions work, and references that the author wrote into `formats`."""
    own = _patterns(formats)
    return _replace(text, lambda inner: any(each.fullmatch(inner) for each in own))


def without_typed_references(text: str, typed: Sequence[str], formats: Iterable[str] = ()) -> str:
    """`text`, in which no reference works that came out of `typed`.

    Mentions work all the same, and references that the author wrote into `formats`.
    """
    own = _patterns(formats)
    typed_references = [
        each[bracket.end() :].casefold() for each in typed for bracket in re.finditer("<", each)
    ]

    def is_allowed(inner: str) -> bool:
        if any(each.fullmatch(inner) for each in own):
            return True
        folded = inner.casefold()
        return not any(
            each.startswith(folded) or (each and folded.startswith(each))
            for each in typed_references
        )

    return _replace(text, is_allowed)


def object_without_typed_references(
    members: Mapping[str, object], typed: Sequence[str], formats: Sequence[str]
) -> JsonObject:
    """The same for every text in a JSON object of any depth."""

    def clean(value: object) -> object:
        if isinstance(value, str):
            return without_typed_references(value, typed, formats)
        if isinstance(value, dict):
            return {key: clean(each) for key, each in as_object(value).items()}
        return list(map(clean, as_list(value))) if isinstance(value, list) else value

    return {key: clean(each) for key, each in members.items()}


def _replace(text: str, is_allowed: Callable[[str], bool]) -> str:
    """`text` with the allowed references; every other angle bracket is shown as one."""
    pieces = []
    for token in tokens(text):
        if token.kind is not TokenKind.REFERENCE:
            pieces.append(token.raw.replace("<", "&lt;").replace(">", "&gt;"))
        elif _MENTION.fullmatch(token.inner) or is_allowed(token.inner):
            pieces.append(token.raw)
        else:
            pieces.append(escape(token.raw))
    return "".join(pieces)


def _patterns(formats: Iterable[str]) -> List[Pattern[str]]:
    """The references of an author's templates. An expression can be anything within one part."""
    return [
        re.compile(re.escape(token.inner).replace(re.escape(_MARK), "[^<>|]*"), re.DOTALL)
        for each in formats
        for token in tokens(_EXPRESSION.sub(_MARK, each))
        if token.kind is TokenKind.REFERENCE
    ]
