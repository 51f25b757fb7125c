"""PURE: reads a method's page of docs.slack.dev in Markdown.

The page exists in several forms of Markdown: a label is a heading (`## Scopes`) or bold text
(`**Scopes**`), an argument's name, type and flag follow each other with or without spaces
(**`limit`**`number`Optional), and the errors are paragraphs or a table. What lacks its method,
arguments or errors raises `Unreadable`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping, Match, Optional, Tuple

_LABELS = (
    "Facts|Description|Method Access|Scopes|Content types|Rate Limits|Arguments|Required arguments"
    "|Optional arguments|Usage info|Response|Errors|Warnings"
)
_LABEL = re.compile(
    r"^[ \t]*(?:#{2,4}[ \t]*|\*\*)(%s)(?:\*\*)?:?[ \t]*(?:\{#[\w-]+\})?(.*)$" % _LABELS, re.M
)
_CALL = re.compile(r"\b(GET|POST)\s+https://slack\.com/api/([\w.]+)")
_ARGUMENT = re.compile(
    r"^\s*\*\*`(?P<name>[\w.-]+)`\*\*\s*(?:`(?P<type>[^`]*)`)?\s*(?P<flag>Required|Optional)\b",
    re.M,
)
_ERROR = re.compile(r"^\s*\|?\s*`(\w+)`\s*(?:\||$)", re.M)
_KIND_OF_TOKEN = re.compile(r"\b([A-Za-z][A-Za-z -]*?) token:")
_SCOPE = re.compile(r"\[`([^`]+)`\]\(/reference/scopes/")
_CONTENT_TYPE = re.compile(r"`((?:application|multipart|text)/[\w.+-]+)`")
_TIER = re.compile(r"Tier (\d)|(special)", re.I)
_CODE = re.compile(r"`([^`]*)`")
_LARGEST = (
    (re.compile(r"[Mm]ax(?:imum)?(?: of| is|:_?)?\s*`?(\d[\d,]*)"), 0),
    (re.compile(r"\bunder `?(\d[\d,]*)"), -1),
    (re.compile(r"\b[Uu]p to `?(\d[\d,]*)"), 0),
)
_FOR_ORG = re.compile(r"required if[^.\n]*\borg\b", re.I)
_LEGACY = re.compile(r"\blegacy method\b", re.I)
_DEPRECATED = re.compile(r"\b(?:method|endpoint) (?:is|has been|was) (?:now )?deprecated", re.I)
_RETIRED = re.compile(
    r"\b(?:method|endpoint) (?:is|has been|was) (?:now )?(?:retired|removed)", re.I
)
_METHOD_LINK = re.compile(r"\(/reference/methods/([\w.]+?)(?:\.md)?(?:#[\w-]+)?\)")


_WITH_ARGUMENTS = ("Arguments", "Required arguments", "Optional arguments")
_WITH_NOTICES = ("", "Facts", "Description", "Usage info")


class Unreadable(Exception):
    """Text that is not a method's page as this module knows it."""


@dataclass(frozen=True)
class PageArgument:
    """`type`: as the page spells it, empty where it names none. `largest`: a value or a number of
    items. `is_for_org_token`: required with a token of an organization."""

    type: str
    is_required: bool
    default: Optional[str]
    values: Tuple[str, ...]
    example: str
    largest: Optional[int]
    is_for_org_token: bool


@dataclass(frozen=True)
class Page:
    """`errors`: in the order of the page; a code that stands there twice is there twice.
    `replaced_by`: methods that a page of a method that is legacy, deprecated or retired names."""

    method: str
    http_method: str
    scopes: Mapping[str, Tuple[str, ...]]
    content_types: Tuple[str, ...]
    rate_tier: str
    arguments: Mapping[str, PageArgument]
    errors: Tuple[str, ...]
    is_legacy: bool
    is_deprecated: bool
    is_retired: bool
    replaced_by: Tuple[str, ...]


def parse(text: str) -> Page:
    """A page. Raises Unreadable."""
    call = _CALL.search(text)
    if call is None:
        raise Unreadable("no line with GET or POST and the method's address")
    method = call.group(2).rstrip(".")
    sections = _sections(text)
    for label in ("Arguments", "Errors"):
        if label not in sections:
            raise Unreadable("%s: no section %r" % (method, label))
    notices = "\n".join(sections.get(label, "") for label in _WITH_NOTICES)
    is_legacy, is_deprecated, is_retired = (
        pattern.search(notices) is not None for pattern in (_LEGACY, _DEPRECATED, _RETIRED)
    )
    is_out_of_date = is_legacy or is_deprecated or is_retired
    return Page(
        method=method,
        http_method=call.group(1),
        scopes=_scopes(sections.get("Scopes", "")),
        content_types=tuple(_CONTENT_TYPE.findall(sections.get("Content types", ""))),
        rate_tier=_tier(sections.get("Rate Limits", "")),
        arguments=dict(_arguments("\n".join(sections.get(label, "") for label in _WITH_ARGUMENTS))),
        errors=tuple(_ERROR.findall(sections["Errors"])),
        is_legacy=is_legacy,
        is_deprecated=is_deprecated or is_retired,
        is_retired=is_retired,
        replaced_by=_replacements(notices, method) if is_out_of_date else (),
    )


def _sections(text: str) -> Dict[str, str]:
    """Label -> the text below it; what stands before the first label is under ``."""
    found: Dict[str, str] = {}
    label, start = "", 0
    for match in _LABEL.finditer(text):
        found[label] = found.get(label, "") + text[start : match.start()]
        label, start = match.group(1), match.start(2)
    found[label] = found.get(label, "") + text[start:]
    return found


def _scopes(text: str) -> Dict[str, Tuple[str, ...]]:
    parts = _KIND_OF_TOKEN.split(text)
    kinds = zip(parts[1::2], parts[2::2])
    return {_kind_of_token(kind): tuple(_SCOPE.findall(part)) for kind, part in kinds}


def _kind_of_token(label: str) -> str:
    words = label.lower().replace("-", " ").split()
    return "configuration" if "configuration" in words else words[0]


def _tier(text: str) -> str:
    found = _TIER.search(text)
    if found is None:
        return ""
    return "tier" + found.group(1) if found.group(1) else "special"


def _arguments(text: str) -> Iterator[Tuple[str, PageArgument]]:
    matches = list(_ARGUMENT.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)]
    for match, end in zip(matches, ends):
        yield match.group("name"), _argument(match, text[match.end() : end])


def _argument(match: Match[str], text: str) -> PageArgument:
    default = re.search(r"_Default:_\s*`([^`]*)`", text)
    values = re.search(r"_Acceptable values:_\s*((?:`[^`]*`\s*)+)", text)
    example = re.search(r"_Example:_\s*`(.*)`", text)
    return PageArgument(
        type=match.group("type") or "",
        is_required=match.group("flag") == "Required",
        default=default.group(1) if default else None,
        values=tuple(value for value in _CODE.findall(values.group(1)) if value) if values else (),
        example=example.group(1) if example else "",
        largest=_largest(text),
        is_for_org_token=_FOR_ORG.search(text) is not None,
    )


def _largest(text: str) -> Optional[int]:
    for pattern, difference in _LARGEST:
        found = pattern.search(text)
        if found:
            return int(found.group(1).replace(",", "")) + difference
    return None


def _replacements(text: str, method: str) -> Tuple[str, ...]:
    """Methods that a paragraph with the word `instead` names."""
    found: List[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        if re.search(r"\binstead\b", paragraph):
            found += _METHOD_LINK.findall(paragraph)
    return tuple(name for name in dict.fromkeys(found) if name != method)
