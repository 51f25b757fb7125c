"""The way of a message: out by an action, back by the sensor, and what catching up adds.

What it tells is in the docstrings of st2slack.sensor: workspace_sensor, backfill, event_queue and
checkpoint, and in docs/operating.md, "Nothing lost, nothing twice".
"""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence, Tuple

from tools.pictures import svg

WIDTH, HEIGHT = 900, 464

GROUND, EDGE = "#ffffff", "#c9d1d9"
INK, FAINT = "#1f2933", "#52606d"
SLACK, SENSOR, STACKSTORM = "#f6ecf6", "#e9f4f6", "#fdf3e4"  # grounds of who does it
LINES = {SLACK: "#8a4b8c", SENSOR: "#24828f", STACKSTORM: "#b7791f"}
BACK = "#9a5b00"  # what goes the other way: acknowledging, remembering

Point = Tuple[float, float]


class Box(NamedTuple):
    """A box with a title in its middle, and smaller words below."""

    left: float
    top: float
    width: float
    height: float
    title: str
    below: Sequence[str] = ()

    @property
    def middle(self) -> float:
        """Its height on the picture, for arrows."""
        return self.top + self.height / 2

    @property
    def right(self) -> float:
        """Where an arrow leaves it."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where an arrow leaves it downwards."""
        return self.top + self.height


# Who
IN_SLACK = Box(20, 20, 130, 424, "Slack")
IN_SENSOR = Box(240, 20, 424, 292, "Sensor")
IN_ACTION = Box(240, 346, 424, 98, "Action")
IN_STACKSTORM = Box(742, 20, 138, 424, "StackStorm")

# Back: from Slack to a rule
CATCH_UP = Box(260, 56, 230, 46, "Catch up", ["what came while it was away"])
MEMORY = Box(528, 56, 118, 46, "Datastore", ["how far it was"])
QUEUE = Box(260, 134, 112, 46, "Queue", ["in order"])
SEEN = Box(397, 134, 112, 46, "Seen?", ["none twice"])
NAMES = Box(534, 134, 112, 46, "Names", ["who and where"])
AT_ONCE = Box(260, 248, 386, 46, "Commands, buttons", ["acknowledged at once: people wait"])
TRIGGER = Box(756, 108, 110, 186, "Trigger", ["slack.message", "slack.event", "slack.command", "…"])
RULE = Box(756, 320, 110, 34, "Rule")

# Out: from a rule to Slack
RUN = Box(756, 380, 110, 46, "Action", ["or workflow"])
CALL = Box(
    260, 380, 386, 46, "One HTTP call", ["waits for rate limits, tries again, explains refusals"]
)

ACTORS = (
    (IN_SLACK, SLACK),
    (IN_SENSOR, SENSOR),
    (IN_ACTION, SENSOR),
    (IN_STACKSTORM, STACKSTORM),
)
STATIONS = (
    *((box, SENSOR) for box in (CATCH_UP, QUEUE, SEEN, NAMES, AT_ONCE, CALL)),
    *((box, STACKSTORM) for box in (MEMORY, TRIGGER, RULE, RUN)),
)
DISPATCH = 703.0  # where what was dispatched is told, back and forth
ACKNOWLEDGED = 214.0


def of_a_message() -> str:
    """The diagram."""
    parts = [
        ground(WIDTH, HEIGHT),
        *arrow_heads(),
        '<g font-family="%s" font-size="13">' % svg.SANS,
    ]
    for box, colour in ACTORS:
        parts += _actor(box, colour)
    for box, colour in STATIONS:
        parts += station(box, colour)
    parts += [*_from_slack(), *_to_rules(), *_after_dispatch(), *_out(), "</g>"]
    title = "The way of a message between Slack and StackStorm, out and back"
    return svg.picture(WIDTH, HEIGHT, title, parts)


def ground(width: int, height: int) -> str:
    """The ground of a picture, with a thin edge."""
    inside = {"width": width - 1, "height": height - 1, "rx": 9}
    return svg.element("rect", x=0.5, y=0.5, fill=GROUND, stroke=EDGE, **inside)


def arrow_heads() -> Iterator[str]:
    """The markers at the ends of arrows."""
    for name, colour in (("on", INK), ("back", BACK)):
        head = svg.element("path", d="M0 0L8 4L0 8z", fill=colour)
        size = {"markerWidth": 8, "markerHeight": 8, "refX": 7, "refY": 4}
        yield svg.element(
            "marker", head, id=name, orient="auto", markerUnits="userSpaceOnUse", **size
        )


def _actor(box: Box, colour: str) -> Iterator[str]:
    yield _rectangle(box, 8, fill=colour)
    yield svg.text_line(
        box.title, box.left + 16, box.top + 23, font_weight="bold", fill=LINES[colour], font_size=15
    )


def station(box: Box, colour: str, fill: str = GROUND) -> Iterator[str]:
    """A box with an edge in the colour of the one who acts."""
    yield _rectangle(box, 5, fill=fill, stroke=LINES[colour])
    centre, lines = box.left + box.width / 2, 1 + len(box.below)
    y = box.middle - lines * 8 + 12.5
    yield svg.text_line(box.title, centre, y, text_anchor="middle", font_weight="bold", fill=INK)
    for number, line in enumerate(box.below, 1):
        yield svg.text_line(
            line, centre, y + number * 16, text_anchor="middle", fill=FAINT, font_size=12
        )


def _from_slack() -> Iterator[str]:
    """What Slack has, and the ways by which it comes."""
    for box, there, way in (
        (CATCH_UP, "history", "Web API"),
        (QUEUE, "messages", "Socket Mode"),
        (AT_ONCE, "commands", "Socket Mode"),
    ):
        yield svg.text_line(there, IN_SLACK.right - 10, box.middle + 4, text_anchor="end", fill=INK)
        yield arrow((IN_SLACK.right, box.middle), (box.left, box.middle))
        yield _label(way, 195, box.middle - 7)


def _to_rules() -> Iterator[str]:
    for box, after in ((QUEUE, SEEN), (SEEN, NAMES), (NAMES, TRIGGER), (AT_ONCE, TRIGGER)):
        yield arrow((box.right, box.middle), (after.left, box.middle))
    yield arrow((316, CATCH_UP.bottom), (316, QUEUE.top))
    for box, below in ((TRIGGER, RULE), (RULE, RUN)):
        yield arrow((811, box.bottom), (811, below.top))


def _after_dispatch() -> Iterator[str]:
    """What is done only after the trigger was dispatched."""
    from_here = (DISPATCH, NAMES.middle)
    yield svg.element("circle", cx=DISPATCH, cy=NAMES.middle, r=3.5, fill=BACK)
    yield _dashed_arrow(from_here, (DISPATCH, MEMORY.middle), (MEMORY.right, MEMORY.middle))
    yield _dashed_arrow((MEMORY.left, MEMORY.middle), (CATCH_UP.right, CATCH_UP.middle))
    yield _dashed_arrow(from_here, (DISPATCH, ACKNOWLEDGED), (IN_SLACK.right, ACKNOWLEDGED))
    yield svg.text_line(
        "acknowledged when its trigger was dispatched, not before",
        453,
        ACKNOWLEDGED - 8,
        text_anchor="middle",
        fill=BACK,
        font_size=12,
    )


def _out() -> Iterator[str]:
    yield arrow((RUN.left, CALL.middle), (CALL.right, CALL.middle))
    yield arrow((CALL.left, CALL.middle), (IN_SLACK.right, CALL.middle))
    yield _label("Web API", 195, CALL.middle - 7)
    yield svg.text_line(
        "a message", IN_SLACK.right - 10, CALL.middle + 4, text_anchor="end", fill=INK
    )
    yield arrow((IN_SLACK.left + 24, CALL.middle - 20), (IN_SLACK.left + 24, QUEUE.middle + 14))


def _rectangle(box: Box, radius: float, **colours: str) -> str:
    place = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    return svg.element("rect", rx=radius, **place, **colours)


def _label(text: str, x: float, y: float) -> str:
    return svg.text_line(text, x, y, text_anchor="middle", fill=FAINT, font_size=12)


def arrow(*points: Point) -> str:
    """An arrow through these points."""
    return _line(points, stroke=INK, stroke_width="1.4", marker_end="url(#on)")


def _dashed_arrow(*points: Point) -> str:
    return _line(
        points, stroke=BACK, stroke_width="1.4", stroke_dasharray="5 4", marker_end="url(#back)"
    )


def _line(points: Sequence[Point], **attributes: str) -> str:
    steps = "L".join("%s %s" % (svg.number(x), svg.number(y)) for x, y in points)
    return svg.element("path", d="M" + steps, fill="none", **attributes)
