"""PURE: text that people typed, within text that an alias or a workflow says.

An author's text is allowed to hold links and mentions. What somebody typed is not:
`<https://evil|Runbook>` in a command would become a link with a false label, in the app's name.
Slack's markup does not tell who wrote a form, so it is told from what the author wrote, and from
what was typed.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Iterator, List, Mapping, Pattern, Sequence

from st2slack.base.mrkdwn import escape

_FORM = re.compile(r"<([^<>]*)>")
_MENTION = re.compile(r"[@#][A-Z0-9]+")  # it has no label, and shows a name of Slack's
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<%.*?%>", re.DOTALL)
_MARK = "\0"  # stands for an expression of a template


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value of any depth."""
    rest: List[Any] = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            rest.extend(each.values())
        elif isinstance(each, (list, tuple)):
            rest.extend(each)


def with_own_forms(text: str, formats: Iterable[str]) -> str:
    """`text`, in which only forms work that the author wrote into `formats`, and mentions."""
    own = _patterns(formats)
    return _replaced(text, lambda inner: any(each.fullmatch(inner) for each in own))


def without_typed_forms(text: str, typed: Sequence[str], formats: Iterable[str] = ()) -> str:
    """`text`, in which no form works that came out of `typed`.

    Mentions work all the same, and forms that the author wrote into `formats`.
    """
    own = _patterns(formats)
    beginnings = [
        each[found.end() :].casefold() for each in typed for found in re.finditer("<", each)
    ]

    def is_kept(inner: str) -> bool:
        if any(each.fullmatch(inner) for each in own):
            return True
        folded = inner.casefold()
        return not any(
            each.startswith(folded) or (each and folded.startswith(each)) for each in beginnings
        )

    return _replaced(text, is_kept)


def all_without_typed_forms(value: Any, typed: Sequence[str], formats: Sequence[str]) -> Any:
    """The same for every text in a value of any depth."""
    if isinstance(value, str):
        return without_typed_forms(value, typed, formats)
    if isinstance(value, Mapping):
        return {key: all_without_typed_forms(each, typed, formats) for key, each in value.items()}
    if isinstance(value, list):
        return [all_without_typed_forms(each, typed, formats) for each in value]
    return value


def _replaced(text: str, is_kept: Callable[[str], bool]) -> str:
    """`text` with the forms that are kept; every other angle bracket is shown as one."""
    end, pieces = 0, []
    for form in _FORM.finditer(text):
        pieces.append(_brackets(text[end : form.start()]))
        kept = _MENTION.fullmatch(form[1]) or is_kept(form[1])
        pieces.append(form[0] if kept else escape(form[0]))
        end = form.end()
    return "".join(pieces) + _brackets(text[end:])


def _brackets(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _patterns(formats: Iterable[str]) -> List[Pattern[str]]:
    """The forms of an author's templates. An expression stands for anything within one part."""
    return [
        re.compile(re.escape(form[1]).replace(re.escape(_MARK), "[^<>|]*"), re.DOTALL)
        for each in formats
        for form in _FORM.finditer(_EXPRESSION.sub(_MARK, each))
    ]
