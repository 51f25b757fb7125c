"""PURE: a value that an action answered → text that people can read. No I/O, no clock.

Text stays text; an object of plain values becomes lines, a list of such objects an aligned table,
whatever is deeper JSON. A table is text in a code block, not Slack's own table block: that one may
stand once in a message, holds 100 rows and 20 columns, and older clients do not show it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

MAX_WIDTH = 110  # characters of a row; wider ones would wrap, so they are written as lines
MAX_COLUMNS = 20
MAX_CELL = 60

# Colours and cursor movements of terminals; other characters that print nothing.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Section(NamedTuple):
    """A piece of a report. `title`: "" for none; `text`: plain; `code`: its spaces count."""

    title: str
    text: str
    code: bool = False


def clean(text: Any) -> str:
    """`text` without what cannot be shown or sent, and without blank lines around it."""
    full_output = str(text).encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    full_output = _UNPRINTABLE.sub("", _TERMINAL.sub("", full_output).replace("\r", "\n"))
    return full_output.rstrip().lstrip("\n")


def to_sections(value: Any, title: str = "") -> List[Section]:
    """The value in pieces; none where it is empty. An object's nested members get their own."""
    if isinstance(value, Mapping) and not _is_flat(value):
        return _mixed(value, title)
    return _part(value, title)


def _mixed(value: Mapping[str, Any], title: str) -> List[Section]:
    plain = {key: inner for key, inner in value.items() if not _is_nested(inner)}
    found = _part(plain, title)
    for key, inner in value.items():
        if _is_nested(inner):
            found += _part(inner, "%s.%s" % (title, key) if title else str(key))
    return found


def _part(value: Any, title: str) -> List[Section]:
    code = _is_nested(value) or (isinstance(value, str) and "\n" in clean(value))
    text = clean(_nested(value) if _is_nested(value) else _word(value))
    return [Section(title, text, code)] if text else []


def _nested(value: Any) -> str:
    if not value:
        return ""
    if isinstance(value, Mapping):
        return _lines(value) if _is_flat(value) else as_json(value)
    if all(not _is_nested(each) for each in value):
        return "\n".join(_word(each) for each in value)
    if all(isinstance(each, Mapping) and _is_flat(each) for each in value):
        return _table(value)
    return as_json(value)


def as_json(value: Any) -> str:
    """The value as indented JSON; what is no JSON by its own text."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return "(nested too deeply to be shown)"


def _is_nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple))


def _is_flat(value: Mapping[str, Any]) -> bool:
    return not any(_is_nested(inner) and inner for inner in value.values())


def _word(value: Any) -> str:
    if value is None or (_is_nested(value) and not value):
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return str(value)


def _lines(value: Mapping[str, Any]) -> str:
    """`key: value`, one below the other; what has several lines is indented below its key."""
    names = {str(key): clean(_word(inner)) for key, inner in value.items()}
    width = max(len(clean(name)) for name in names) + 1
    return "\n".join(_line(clean(name), text, width) for name, text in names.items())


def _line(name: str, text: str, width: int) -> str:
    if "\n" in text:
        return "%s:\n  %s" % (name, text.replace("\n", "\n  "))
    return "{:<{}} {}".format(name + ":", width, text).rstrip()


# --- tables -------------------------------------------------------------------------------------


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns: Dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(map(str, row)))
    cells = [[_cell(column) for column in columns]]
    for row in rows:
        named = {str(key): inner for key, inner in row.items()}
        cells.append([_cell(named.get(column)) for column in columns])
    widths = [max(_width(line[at]) for line in cells) for at in range(len(columns))]
    if len(columns) > MAX_COLUMNS or sum(widths) + 2 * len(widths) > MAX_WIDTH:
        return "\n\n".join(_lines(row) for row in rows if row)
    rule = ["-" * width for width in widths]
    return "\n".join(_row(line, widths) for line in [cells[0], rule, *cells[1:]])


def _cell(value: Any) -> str:
    text = " ".join(clean(_word(value)).split())
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 3] + "..."


def _row(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = [text + " " * (width - _width(text)) for text, width in zip(line, widths)]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes: Chinese, Japanese, Korean characters and emoji take two."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
