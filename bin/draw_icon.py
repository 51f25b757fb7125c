#!/usr/bin/env python3
"""Draw icon.png, the pack's own picture: a bolt in a speech bubble, 64x64.

bin/draw_icon.py           write it
bin/draw_icon.py --check   fail if icon.png is not what would be drawn

All arithmetic is in whole numbers and nothing is compressed, so that every machine and every
version of Python and zlib draws the same bytes.
"""

from __future__ import annotations

import argparse
import struct
import sys
import zlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

ROOT = Path(__file__).resolve().parents[1]

SIZE = 64  # pixels, either way
SAMPLES = 8  # points looked at in a pixel, either way: 65 steps from outside to inside
UNIT = 2 * SAMPLES  # shapes are measured in sixteenths of a pixel: samples lie on odd ones

Point = Tuple[int, int]
Colour = Tuple[int, int, int]
Pixel = Tuple[int, int, int, int]  # red, green, blue, opacity

NOTHING: Pixel = (0, 0, 0, 0)


class Polygon(NamedTuple):
    """A shape with straight sides."""

    corners: Sequence[Point]

    def holds(self, x: int, y: int) -> bool:
        """Whether a ray to the right crosses its sides an odd number of times."""
        inside = False
        for (x1, y1), (x2, y2) in zip(self.corners, [*self.corners[1:], self.corners[0]]):
            if (y1 > y) != (y2 > y):
                across = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
                inside ^= (across > 0) == (y2 > y1)
        return inside


class RoundedBox(NamedTuple):
    """A box with rounded corners."""

    left: int
    top: int
    right: int
    bottom: int
    radius: int

    def holds(self, x: int, y: int) -> bool:
        """Whether the nearest point of the box without its margin is within the radius."""
        inner_x = min(max(x, self.left + self.radius), self.right - self.radius)
        inner_y = min(max(y, self.top + self.radius), self.bottom - self.radius)
        return (x - inner_x) ** 2 + (y - inner_y) ** 2 <= self.radius**2


class Layer(NamedTuple):
    """Shapes of one colour."""

    colour: Colour
    shapes: Sequence[Union[Polygon, RoundedBox]]

    def holds(self, x: int, y: int) -> bool:
        """Whether any of the shapes does."""
        return any(shape.holds(x, y) for shape in self.shapes)


def box(left: float, top: float, right: float, bottom: float, radius: float) -> RoundedBox:
    """A rounded box, given in pixels."""
    return RoundedBox(*(round(number * UNIT) for number in (left, top, right, bottom, radius)))


def polygon(*corners: Tuple[float, float]) -> Polygon:
    """A polygon, given in pixels."""
    return Polygon([(round(x * UNIT), round(y * UNIT)) for x, y in corners])


def bubble(below: float = 0) -> Tuple[RoundedBox, Polygon]:
    """A speech bubble with its tail, so many pixels further down."""
    tail = ((12, 40), (10, 58), (34, 46))
    return box(2, 3 + below, 62, 48 + below, 14), polygon(*((x, y + below) for x, y in tail))


# The picture, the lowest layer first.
PICTURE = (
    Layer((21, 73, 94), bubble(below=3)),
    Layer((36, 130, 149), bubble()),
    Layer(
        (255, 205, 74),
        (polygon((39, 6.5), (17, 29), (28.5, 29), (25, 44.5), (47, 22), (35.5, 22)),),
    ),
)


def draw(layers: Sequence[Layer] = PICTURE) -> List[List[Pixel]]:
    """The picture, row by row."""
    return [[_pixel(layers, column, row) for column in range(SIZE)] for row in range(SIZE)]


def _pixel(layers: Sequence[Layer], column: int, row: int) -> Pixel:
    """The mean of what its samples show."""
    seen = [_colour_at(layers, x, y) for x in _samples(column) for y in _samples(row)]
    colours = [colour for colour in seen if colour]
    if not colours:
        return NOTHING
    red, green, blue = (_mean(channel, len(colours)) for channel in zip(*colours))
    return red, green, blue, _mean([255] * len(colours), len(seen))


def _samples(pixel: int) -> range:
    return range(pixel * UNIT + 1, (pixel + 1) * UNIT, 2)


def _colour_at(layers: Sequence[Layer], x: int, y: int) -> Optional[Colour]:
    return next((layer.colour for layer in reversed(layers) if layer.holds(x, y)), None)


def _mean(values: Sequence[int], count: int) -> int:
    return (2 * sum(values) + count) // (2 * count)


def png(rows: Sequence[Sequence[Pixel]]) -> bytes:
    """A PNG with a palette, its data stored in one block."""
    palette = sorted({pixel for row in rows for pixel in row}, key=lambda pixel: pixel[::-1])
    number: Dict[Pixel, int] = {pixel: index for index, pixel in enumerate(palette)}
    if len(palette) > 256:
        raise ValueError("%d colours, a palette holds 256" % len(palette))
    data = b"".join(b"\0" + bytes(number[pixel] for pixel in row) for row in rows)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(part for pixel in palette for part in pixel[:3])),
        (b"tRNS", bytes(pixel[3] for pixel in palette)),
        (b"IDAT", _stored(data)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _stored(data: bytes) -> bytes:
    """A zlib stream of one block, as it is; at most 65,535 bytes."""
    length = struct.pack("<HH", len(data), len(data) ^ 0xFFFF)
    return b"\x78\x01\x01" + length + data + struct.pack(">I", zlib.adler32(data))


def main(argv: Optional[List[str]] = None) -> int:
    """Exit code: 0 written, or as it should be; 1 --check found another picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    icon, drawn = options.root / "icon.png", png(draw())
    if not options.check:
        icon.write_bytes(drawn)
    elif not icon.is_file() or icon.read_bytes() != drawn:
        print("icon.png is not what bin/draw_icon.py draws", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
