"""PURE: a value that an action answered -> text that people can read. No I/O, no clock.

Text stays text; an object of plain values becomes lines, a list of such objects an aligned table,
anything deeper becomes JSON. A table is text in a code block, not Slack's own table block: a
message can have only one of those, it holds 100 rows and 20 columns, and older clients do not show
it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Dict, List, NamedTuple, Sequence

from st2slack.base.json_access import JsonObject, as_list, as_object, as_objects, as_text

MAX_WIDTH = 110  # characters of a row; wider ones would wrap, so they are written as lines
MAX_COLUMNS = 20
MAX_CELL = 60

# Colours and cursor movements of terminals; other characters that print nothing.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Section(NamedTuple):
    """A part of a result. `title`: "" for none; `text`: plain; `code`: its spaces matter."""

    title: str
    text: str
    code: bool = False


def clean(text: object) -> str:
    """`text` without what cannot be shown or sent, and without blank lines around it."""
    printable = str(text).encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    printable = _UNPRINTABLE.sub("", _TERMINAL.sub("", printable).replace("\r", "\n"))
    return printable.rstrip().lstrip("\n")


def to_sections(value: object, title: str = "") -> List[Section]:
    """The value in sections; none if it is empty. Nested members of an object get their own."""
    members = as_object(value)
    if _is_flat(members):
        return _section(value, title)
    sections = _section({key: each for key, each in members.items() if not is_nested(each)}, title)
    for key, each in members.items():
        if is_nested(each):
            sections += _section(each, "%s.%s" % (title, key) if title else str(key))
    return sections


def _section(value: object, title: str) -> List[Section]:
    is_code = is_nested(value) or "\n" in clean(as_text(value))
    text = clean(_format_nested(value) if is_nested(value) else _format_scalar(value))
    return [Section(title, text, is_code)] if text else []


def _format_nested(value: object) -> str:
    members, elements, rows = as_object(value), as_list(value), as_objects(value)
    if members:
        return _format_lines(members) if _is_flat(members) else as_json(value)
    if not any(map(is_nested, elements)):
        return "\n".join(map(_format_scalar, elements))
    if len(rows) == len(elements) and all(map(_is_flat, rows)):
        return _format_table(rows)
    return as_json(value)


def as_json(value: object) -> str:
    """The value as indented JSON; what JSON cannot hold, by its own text."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return "(nested too deeply to be shown)"


def is_nested(value: object) -> bool:
    """Whether the value is an object or a list."""
    return isinstance(value, (dict, list))


def _is_flat(members: JsonObject) -> bool:
    return not any(is_nested(each) and each for each in members.values())


def _format_scalar(value: object) -> str:
    if value is None or is_nested(value):  # only empty ones come here
        return ""
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)


def _format_lines(members: JsonObject) -> str:
    """`key: value`, one below the other; several lines of text are indented below their key."""
    texts = [(clean(key), clean(_format_scalar(each))) for key, each in members.items()]
    width = max(len(name) for name, _ in texts) + 1
    return "\n".join(_format_line(name, text, width) for name, text in texts)


def _format_line(name: str, text: str, width: int) -> str:
    if "\n" in text:
        return "%s:\n  %s" % (name, text.replace("\n", "\n  "))
    return "{:<{}} {}".format(name + ":", width, text).rstrip()


# --- tables -------------------------------------------------------------------------------------


def _format_table(rows: Sequence[JsonObject]) -> str:
    columns: Dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    lines = [[_format_cell(column) for column in columns]]
    lines += [[_format_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(columns))]
    if len(columns) > MAX_COLUMNS or sum(widths) + 2 * len(widths) > MAX_WIDTH:
        return "\n\n".join(_format_lines(row) for row in rows if row)
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(_format_row(line, widths) for line in lines)


def _format_cell(value: object) -> str:
    text = " ".join(clean(_format_scalar(value)).split())
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 3] + "..."


def _format_row(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = [text + " " * (width - _width(text)) for text, width in zip(line, widths)]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes: Chinese, Japanese, Korean characters and emoji take two."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
