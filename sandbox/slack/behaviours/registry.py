"""Where a family of methods enters its behaviours."""

from __future__ import annotations

from typing import Any, Callable, Dict

from sandbox.slack.behaviours.context import Context

Behaviour = Callable[[Context, Dict[str, Any]], Any]
BEHAVIOURS: Dict[str, Behaviour] = {}


def behaviour(*methods: str) -> Callable[[Behaviour], Behaviour]:
    """Enter the function under these methods' names."""

    def enter(function: Behaviour) -> Behaviour:
        for method in methods:
            BEHAVIOURS[method] = function
        return function

    return enter
