"""What an alias says about the result of its execution.

Its `result.format` and `result.extra` are rendered by StackStorm's own action
`chatops.format_execution_result`, which runs as an execution of its own.
"""

from __future__ import annotations

import time
from typing import Any, Callable, List, Mapping, NamedTuple, Optional

from st2slack.base.errors import ApiFault
from st2slack.base.typed_text import all_without_typed_forms, texts_in, without_typed_forms
from st2slack.results.result_blocks import NOTHING_FORMATTED, FormattedAlias
from st2slack.stackstorm.alias import AliasTexts
from st2slack.stackstorm.client import ENDED, Json, StackStorm

FORMATTER = "chatops.format_execution_result"
WAIT = 30.0  # seconds that the formatter has
PAUSES = (0.2, 0.3, 0.5, 0.8, 1.2, 2.0)  # seconds between two looks; the last one from then on


class FormatResult(NamedTuple):
    """What an alias says, None where it wants no message; `why` there are no words, "" if so."""

    alias: Optional[FormattedAlias]
    why: str = ""


def format_result(
    st2: StackStorm,
    execution: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> FormatResult:
    """What the alias of an execution says about it; `sleep`, `clock`: seconds."""
    wanted = _wanted(st2, execution)
    if wanted is None:
        return FormatResult(NOTHING_FORMATTED)
    if not wanted.enabled:
        return FormatResult(None)
    try:
        said = _run(st2, str(execution["id"]), sleep, clock)
    except ApiFault as fault:
        said = str(fault)
    if not isinstance(said, Mapping):
        return FormatResult(
            NOTHING_FORMATTED, "%s gave no text for the alias: %s" % (FORMATTER, said)
        )
    if said.get("enabled") is False:
        return FormatResult(None)
    return FormatResult(_alias(said, wanted, list(texts_in(execution.get("parameters")))))


def _wanted(st2: StackStorm, execution: Mapping[str, Any]) -> Optional[AliasTexts]:
    """`result` of the alias that an execution was started by; None where there is none."""
    context = execution.get("context")
    reference = context.get("action_alias_ref") if isinstance(context, Mapping) else None
    alias_id = reference.get("id") if isinstance(reference, Mapping) else None
    alias = st2.find_alias(str(alias_id)) if alias_id else None
    return alias.result if alias else None


def _run(
    st2: StackStorm,
    execution_id: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Any:
    """What the formatter answers, an object; a text about how it ended where it failed."""
    execution: Json = st2.start(FORMATTER, {"execution_id": execution_id})
    formatter_id, ends, pauses = str(execution.get("id")), clock() + WAIT, iter(PAUSES)
    while execution.get("status") not in ENDED:
        if clock() >= ends:
            return "it was %s after %g s" % (execution.get("status"), WAIT)
        sleep(next(pauses, PAUSES[-1]))
        execution = st2.execution(formatter_id) or {"status": "abandoned"}
    result = execution.get("result")
    answer = result.get("result") if isinstance(result, Mapping) else None
    good = execution["status"] == "succeeded" and isinstance(answer, Mapping)
    return answer if good else "it ended as %s" % execution["status"]


def _alias(said: Mapping[str, Any], wanted: AliasTexts, typed: List[str]) -> FormattedAlias:
    """What is said. Links and the like work where the alias's author wrote them, not where they
    came out of `typed`, the parameters.
    """
    # Without a format of the alias's own the text would be a listing of everything.
    text = said.get("message") if wanted.format else ""
    extra = said.get("extra")
    extra = extra if isinstance(extra, Mapping) else {}
    of_slack = extra.get("slack")
    # Hubot reads a color beside `slack`, too.
    color = {"color": extra["color"]} if isinstance(extra.get("color"), str) else {}
    formats = list(texts_in([wanted.format, wanted.extra]))
    shown = all_without_typed_forms(of_slack, typed, formats)
    return FormattedAlias(
        without_typed_forms(str(text or ""), typed, formats),
        {**color, **(shown if isinstance(shown, Mapping) else {})},
    )
