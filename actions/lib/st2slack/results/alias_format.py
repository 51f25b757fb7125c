"""The texts that an alias has for the result of its execution.

StackStorm's own action `chatops.format_execution_result` renders `result.format` and
`result.extra`. It runs as an execution of its own.
"""

from __future__ import annotations

import time
from typing import Callable, List, NamedTuple, Optional, Union

from st2slack.base.errors import StackStormUnavailable
from st2slack.base.json_access import (
    JsonObject,
    as_object,
    find_object,
    get_object,
    get_text,
)
from st2slack.base.typed_text import (
    object_without_typed_references,
    texts_in,
    without_typed_references,
)
from st2slack.results.result_blocks import NOTHING_FORMATTED, FormattedAlias
from st2slack.stackstorm.alias import AliasTexts
from st2slack.stackstorm.client import StackStorm
from st2slack.stackstorm.execution import Execution, Status

FORMATTER = "chatops.format_execution_result"
TIMEOUT = 30.0  # seconds that the formatter has
PAUSES = (0.2, 0.3, 0.5, 0.8, 1.2, 2.0)  # seconds between two reads; the last one repeats


class Clocks(NamedTuple):
    """`sleep`: takes seconds; `clock`: seconds that only grow; `now`: Unix time."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


SYSTEM_CLOCKS = Clocks()


class FormatResult(NamedTuple):
    """The alias's texts, None if it wants no message; `failure`: why they are missing, else ""."""

    alias: Optional[FormattedAlias]
    failure: str = ""


def format_result(
    st2: StackStorm, execution: Execution, clocks: Clocks = SYSTEM_CLOCKS
) -> FormatResult:
    """The texts of the alias that started an execution."""
    templates = _find_templates(st2, execution)
    if templates is None:
        return FormatResult(NOTHING_FORMATTED)
    if not templates.enabled:
        return FormatResult(None)
    try:
        answer = _run_formatter(st2, execution.id, clocks)
    except StackStormUnavailable as fault:
        answer = str(fault)
    if isinstance(answer, str):
        failure = "%s gave no text for the alias: %s" % (FORMATTER, answer)
        return FormatResult(NOTHING_FORMATTED, failure)
    if answer.get("enabled") is False:
        return FormatResult(None)
    return FormatResult(_read_answer(answer, templates, list(texts_in(execution.parameters))))


def _find_templates(st2: StackStorm, execution: Execution) -> Optional[AliasTexts]:
    """`result` of the alias that started an execution; None if there is none."""
    alias = st2.find_alias(execution.context.alias_id)
    return alias.result if alias else None


def _run_formatter(st2: StackStorm, execution_id: str, clocks: Clocks) -> Union[JsonObject, str]:
    """What the formatter answers; a text that says how it ended if it failed."""
    execution = st2.start_action(FORMATTER, {"execution_id": execution_id})
    end, pauses = clocks.clock() + TIMEOUT, iter(PAUSES)
    while not execution.has_ended:
        if clocks.clock() >= end:
            return "it was %s after %g s" % (execution.status, TIMEOUT)
        clocks.sleep(next(pauses, PAUSES[-1]))
        gone = Execution(execution.id, Status.ABANDONED.value)
        execution = st2.find_execution(execution.id) or gone
    answer = find_object(as_object(execution.result), "result")
    if execution.status != Status.SUCCEEDED or answer is None:
        return "it ended as %s" % execution.status
    return answer


def _read_answer(answer: JsonObject, templates: AliasTexts, typed: List[str]) -> FormattedAlias:
    """Links and mentions work where the alias's author wrote them, not where they came out of
    `typed`, the parameters.
    """
    # Without a format of its own, the text would be a listing of everything.
    text = str(answer.get("message") or "") if templates.format else ""
    extra = get_object(answer, "extra")
    formats = list(texts_in([templates.format, templates.extra]))
    # Hubot reads a color beside `slack`, too.
    color = get_text(extra, "color")
    return FormattedAlias(
        without_typed_references(text, typed, formats),
        {
            **({"color": color} if color else {}),
            **object_without_typed_references(get_object(extra, "slack"), typed, formats),
        },
    )
