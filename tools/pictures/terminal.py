"""What a terminal shows → SVG.

rich has an SVG export of its own; this one needs no font from elsewhere and depends on no version
of rich. Lines and corners of boxes are drawn, not written: so they join in every font. Each run of
letters says how long it is, so that columns stay columns where a font is wider or narrower.
"""

from __future__ import annotations

import io
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from rich.ansi import AnsiDecoder
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tools.pictures import svg

CELL, LINE, SIZE = 8.4, 19, 14  # pixels: width of a column, height of a line, size of letters
MARGIN, BAR = 16, 34  # pixels: around the text, and the bar above it

GROUND, EDGE, TITLE = "#1d2129", "#454c59", "#a2a9b6"
INK, FAINT = "#dfe3ea", "#98a0ae"
COLOURS = {1: "#ff8a80", 2: "#7fd88f", 3: "#f2cc60", 4: "#82b1ff", 5: "#d7a6f5", 6: "#6fd3e3"}
LIGHTS = ("#ff6159", "#ffbd2e", "#28c941")

# From the middle of a cell to its sides: left, right, up, down. Two sides make a round corner.
STROKES: Dict[str, str] = {"─": "lr", "│": "ud", "╭": "dr", "╮": "dl", "╰": "ur", "╯": "ul"}
RADIUS = 4.0

Cell = Tuple[int, str, Style]  # column, character, its style


class Run(NamedTuple):
    """Letters of one style, side by side."""

    column: int
    letters: str
    style: Style


def recorder(width: int) -> Console:
    """A terminal that keeps what it is shown; whatever the environment says of the real one."""
    return Console(
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=width,
        height=100,
        highlight=False,
        legacy_windows=False,
    )


def recorded_lines(console: Console) -> List[Text]:
    """The lines that it has kept."""
    return list(AnsiDecoder().decode(console.export_text(styles=True)))


def render(lines: List[Text], width: int, bar: str, title: str) -> str:
    """The SVG of a terminal of `width` columns; `bar`: what stands above, `title`: the name."""
    height = BAR + len(lines) * LINE + MARGIN
    parts = list(_window(width * CELL + 2 * MARGIN, height, bar))
    for row, line in enumerate(lines):
        cells = list(_cells(line))
        parts += _boxes(cells, row)
        parts += [_letters(run, row) for run in _runs(cells)]
    parts.append("</g>")
    return svg.picture(width * CELL + 2 * MARGIN, height, title, parts)


def _window(width: float, height: float, bar: str) -> Iterator[str]:
    yield svg.element(
        "rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=9, fill=GROUND, stroke=EDGE
    )
    for index, light in enumerate(LIGHTS):
        yield svg.element("circle", cx=20 + 18 * index, cy=17, r=5.5, fill=light)
    common = 'font-family="%s" xml:space="preserve"' % svg.MONOSPACE
    yield '<g font-size="%d" fill="%s" %s>' % (SIZE, INK, common)
    yield svg.text_line(bar, width / 2, 21.5, fill=TITLE, text_anchor="middle", font_size=13)


def _cells(line: Text) -> Iterator[Cell]:
    column = 0
    for segment in line.render(Console(file=io.StringIO())):
        for character in segment.text:
            if character != "\n":
                yield column, character, segment.style or Style()
                column += cell_len(character)


def _runs(cells: Iterable[Cell]) -> Iterator[Run]:
    """Letters together, as far as one style goes; blanks part them where there are two."""
    run: Optional[Run] = None
    for cell in cells:
        column, character, style = cell
        if run and _joins(run, cell):
            run = run._replace(letters=run.letters + character)
            continue
        if run and run.letters.strip():
            yield _stripped(run)
        run = None if character in STROKES else Run(column, character, style)
    if run and run.letters.strip():
        yield _stripped(run)


def _joins(run: Run, cell: Cell) -> bool:
    """A wide character (emoji) stands alone: how wide it is, is its font's own."""
    column, character, style = cell
    narrow = cell_len(run.letters) == len(run.letters) and cell_len(character) == 1
    beside = run.column + len(run.letters) == column and not run.letters.endswith("  ")
    return narrow and beside and run.style == style and character not in STROKES


def _stripped(run: Run) -> Run:
    blanks = len(run.letters) - len(run.letters.lstrip())
    return Run(run.column + blanks, run.letters.strip(), run.style)


def _letters(run: Run, row: int) -> str:
    more: Dict[str, str] = {}
    if run.style.bold:
        more["font_weight"] = "bold"
    if run.style.underline:
        more["text_decoration"] = "underline"
    if _ink(run.style) != INK:
        more["fill"] = _ink(run.style)
    if len(run.letters) > 1:
        more["textLength"] = svg.number(len(run.letters) * CELL)
        more["lengthAdjust"] = "spacingAndGlyphs"
    return svg.text_line(run.letters, MARGIN + run.column * CELL, _top(row) + 14, **more)


def _ink(style: Style) -> str:
    if style.color and style.color.number is not None:
        return COLOURS.get(style.color.number % 8, INK)
    return FAINT if style.dim else INK


def _boxes(cells: Iterable[Cell], row: int) -> Iterator[str]:
    """The line's strokes, one path for each colour."""
    paths: Dict[str, List[str]] = {}
    end = -1
    for column, character, style in cells:
        path = paths.setdefault(_ink(style), []) if character in STROKES else []
        if character == "─" and end == column and path:
            path[-1] = "H" + svg.number(MARGIN + (column + 1) * CELL)
        elif character in STROKES:
            path += _stroke(STROKES[character], column, row)
        end = column + 1 if character == "─" else -1
    for ink, steps in paths.items():
        yield svg.element("path", d="".join(steps), fill="none", stroke=ink)


def _stroke(sides: str, column: int, row: int) -> List[str]:
    """Move to one side of the cell, and draw to the other."""
    left, top = MARGIN + column * CELL, float(_top(row))
    x, y = left + CELL / 2, top + 9.5
    if sides == "lr":
        return ["M%s %s" % _at(left, y), "H" + svg.number(left + CELL)]
    if sides == "ud":
        return ["M%s %s" % _at(x, top), "V" + svg.number(top + LINE)]
    down, right = sides[0] == "d", sides[1] == "r"
    round_y = y + (RADIUS if down else -RADIUS)
    edge = top + LINE if down else top
    corner = (*_at(x, round_y), *_at(x, y), *_at(x + (RADIUS if right else -RADIUS), y))
    return [
        "M%s %s" % _at(x, edge),
        "L%s %sQ%s %s %s %s" % corner,
        "H" + svg.number(left + CELL if right else left),
    ]


def _top(row: int) -> int:
    return BAR + row * LINE


def _at(x: float, y: float) -> Tuple[str, str]:
    return svg.number(x), svg.number(y)
