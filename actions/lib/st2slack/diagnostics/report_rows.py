"""PURE: what was found, one row for each thing that was looked at, and the table of them."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List

OK, WARNING, FAILED = "ok", "warning", "failed"
AGAIN = "Mend that, then run slack.check again."
_WIDTH = 100


@dataclass(frozen=True)
class Row:
    """`what` was looked at, its `state` (ok, warning, failed), what that `means`, what `to_do`.

    `workspace`: name of the entry, "" for the config's top level.
    """

    workspace: str
    what: str
    state: str
    means: str
    to_do: str = ""


def result_of(rows: List[Row]) -> Dict[str, Any]:
    """{"ok", "failed", "warnings" (counts), "checks": [row as an object]}."""
    count = {state: sum(row.state == state for row in rows) for state in (FAILED, WARNING)}
    return {
        "ok": not count[FAILED],
        "failed": count[FAILED],
        "warnings": count[WARNING],
        "checks": [asdict(row) for row in rows],
    }


def lines_of(rows: List[Row]) -> Iterator[str]:
    """The table as text: state, what, and below it what it means and what to do."""
    for row in rows:
        where = " [%s]" % row.workspace if row.workspace else ""
        yield "%-8s %s%s" % (row.state, row.what, where)
        for text in (row.means, "-> " + row.to_do if row.to_do else ""):
            yield from textwrap.wrap(
                text, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9
            )


def failures(rows: List[Row]) -> List[str]:
    """What failed, one line each."""
    return [
        " ".join(filter(None, [row.workspace, row.what + ":", row.means, row.to_do]))
        for row in rows
        if row.state == FAILED
    ]
