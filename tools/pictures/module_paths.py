"""The modules on the ways of a call, a message and a press, for docs/architecture.md."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence, Tuple

from tools.pictures import message_path, svg
from tools.pictures.message_path import SENSOR, SLACK, STACKSTORM, Box

WIDTH, HEIGHT = 1070, 410
LEFT, GAP, BOX_WIDTH, BOX_HEIGHT = 24.0, 20.0, 154.0, 62.0

Step = Tuple[str, str, str]  # who does it, the module, what happens there


class Way(NamedTuple):
    """One row of the picture."""

    title: str
    steps: Sequence[Step]


WAYS = (
    Way(
        "A call: slack.chat.postMessage",
        (
            (STACKSTORM, "StackStorm", "starts run.py"),
            (SENSOR, "action.py", "errors become one line"),
            (SENSOR, "api/client.py", "token, arguments"),
            (SENSOR, "api/retry.py", "again, or not"),
            (SENSOR, "api/transport.py", "one HTTP request"),
            (SLACK, "Slack", "Web API"),
        ),
    ),
    Way(
        "A message: slack.message",
        (
            (SLACK, "Slack", "Socket Mode"),
            (SENSOR, "sensor/receiver.py", "into the queue"),
            (SENSOR, "event_handler.py", "in order, none twice"),
            (SENSOR, "payloads.py", "the payload"),
            (SENSOR, "dispatcher.py", "then acknowledged"),
            (STACKSTORM, "StackStorm", "trigger, rule"),
        ),
    ),
    Way(
        "A press on a button of a question: slack.interaction",
        (
            (SLACK, "Slack", "Socket Mode"),
            (SENSOR, "command_queue.py", "acknowledged at once"),
            (STACKSTORM, "StackStorm", "slack.answer_question"),
            (SENSOR, "authorizer.py", "is it allowed?"),
            (SENSOR, "approvals/answer.py", "stores the vote"),
            (STACKSTORM, "StackStorm", "inquiry answered"),
        ),
    ),
)


def of_all() -> str:
    """The diagram: a row for each way, read from left to right."""
    parts = [message_path.ground(WIDTH, HEIGHT), *message_path.arrow_heads()]
    parts.append('<g font-family="%s" font-size="13">' % svg.SANS)
    for number, each in enumerate(WAYS):
        parts += _row(each, 20 + number * 136.0)
    title = "The ways of a call, a message and a press through the modules of the pack"
    return svg.picture(WIDTH, HEIGHT, title, [*parts, "</g>"])


def _row(each: Way, top: float) -> Iterator[str]:
    yield svg.text_line(
        each.title, LEFT, top + 18, font_weight="bold", fill=message_path.INK, font_size=15
    )
    boxes = [
        Box(LEFT + at * (BOX_WIDTH + GAP), top + 34, BOX_WIDTH, BOX_HEIGHT, module, [text])
        for at, (_, module, text) in enumerate(each.steps)
    ]
    for box, (colour, _, _) in zip(boxes, each.steps):
        yield from message_path.station(box, colour, fill=colour)
    for box, after in zip(boxes, boxes[1:]):
        yield message_path.arrow((box.right, box.middle), (after.left, after.middle))
