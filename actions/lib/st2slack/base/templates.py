"""PURE: what StackStorm could take for a template in text that people typed. The one table of it.

StackStorm renders Jinja and YAQL wherever a workflow hands a value on, with the datastore at hand;
Orquesta even evaluates again what an expression yields. So what people type must hold no opener
anywhere. Nor must it end in the first half of one: a workflow that joins `x {` and `{ st2kv… }` has
made a template. A beginning is allowed (`#deploys`, JSON): no allowed value ends in what it needs.

Values are checked as the workflow gets them: after JSON was decoded, with what is in lists and
objects, and the keys of objects. It serves commands, parameters of aliases, forms and reasons.

Not covered, see docs/security.md: a workflow author's own `{` or `<` before a value, and workflows
that decode, replace or cut text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Mapping

OPENERS = ("{{", "{%", "{#", "<%")
HALVES = ("{", "<")  # first characters of the openers

_OPENER = re.compile("|".join(map(re.escape, OPENERS)))
# `{`, `%`, `<` and `#` as JSON or Python write them. StackStorm decodes a parameter that is an
# object once more, so a command must not have them.
_ENCODED = re.compile(
    r"\\(?:u0*(?:7b|25|3c|23)|x(?:7b|25|3c|23)|173|0?45|0?74|0?43|N\{)", re.IGNORECASE
)


def find_template(value: Any) -> str:
    """What in `value` could become a template, in words for people; "" where nothing could.

    `value`: as decoded from JSON, of any depth; keys are looked at, too.
    """
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, Mapping):
            rest.extend(each.keys())
            rest.extend(each.values())
        elif isinstance(each, (list, tuple, set, frozenset)):
            rest.extend(each)
        elif isinstance(each, bytes):
            rest.append(each.decode("utf-8", "replace"))
        elif isinstance(each, str):
            found = _in_text(each)
            if found:
                return found
    return ""


def has_template(value: Any) -> bool:
    """Whether StackStorm could take `value`, or something in it, for a template."""
    return bool(find_template(value))


def has_encoded(text: str) -> bool:
    """Whether a character of an opener is written by its number (such as `\\u007b`)."""
    return bool(_ENCODED.search(text))


def ends_open(text: str) -> bool:
    """Whether `text`, trimmed, ends in the first half of an opener."""
    return _trimmed(text).endswith(HALVES)


def _in_text(text: str) -> str:
    found = _OPENER.search(text)
    if found:
        return "`%s`" % found[0]
    return "`%s` at the end" % _trimmed(text)[-1] if ends_open(text) else ""


def _trimmed(text: str) -> str:
    """`text` without blanks at its end, and without characters that print nothing."""
    end = len(text)
    while end and (text[end - 1].isspace() or unicodedata.category(text[end - 1]) in _INVISIBLE):
        end -= 1
    return text[:end]


_INVISIBLE = ("Cc", "Cf", "Zs", "Zl", "Zp")
