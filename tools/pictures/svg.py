"""SVG as text: few elements, whole numbers or one decimal, nothing from elsewhere, no script.

A page may be white or dark: so each picture brings its own ground, with a thin edge around it.
"""

from __future__ import annotations

from typing import Iterable, Union
from xml.sax.saxutils import escape, quoteattr

Number = Union[int, float]

MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"


def number(value: Number) -> str:
    """As short as it goes: one decimal at most."""
    return ("%.1f" % value).rstrip("0").rstrip(".")


def element(name: str, *content: str, **attributes: Union[str, Number]) -> str:
    """An element; `_` in an attribute's name stands for `-`, and at its end for nothing."""
    attributes_text = "".join(
        " %s=%s" % (_name(key), quoteattr(value if isinstance(value, str) else number(value)))
        for key, value in attributes.items()
    )
    inner = "".join(content)
    return (
        "<%s%s>%s</%s>" % (name, attributes_text, inner, name)
        if inner
        else "<%s%s/>" % (name, attributes_text)
    )


def text_line(text: str, x: Number, y: Number, **attributes: Union[str, Number]) -> str:
    """A line of text; `y` is its base line."""
    return element("text", escape(text), x=x, y=y, **attributes)


def picture(width: Number, height: Number, title: str, parts: Iterable[str]) -> str:
    """The whole file: one part a line, so that a change shows as one."""
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" '
        'role="img">' % ((number(width), number(height)) * 2)
    )
    made = "<!-- made: bin/draw_pictures.py -->"
    return "\n".join([head, made, element("title", escape(title)), *parts, "</svg>", ""])


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
