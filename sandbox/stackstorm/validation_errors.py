"""What was wrong with the input: every mistake at once, each with the name it belongs to.

ValueError
└── Mistakes            parameters, configuration or metadata that StackStorm would refuse
    ├── ActionNotFound  no such action in the pack
    └── NotRunnable     the action exists, but not for the sandbox
"""

from __future__ import annotations

from typing import Iterable, List, NamedTuple


class Mistake(NamedTuple):
    """One mistake: where ("blocks[0].type") and what ("is required")."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class Mistakes(ValueError):
    """Refused input. `mistakes` holds them all; the text has one a line."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: List[Mistake] = list(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class ActionNotFound(Mistakes):
    """There is no action of that name."""


class NotRunnable(Mistakes):
    """An action that only a whole StackStorm can run, or that is disabled."""


def raise_any(mistakes: List[Mistake]) -> None:
    """Raise Mistakes if there are any."""
    if mistakes:
        raise Mistakes(mistakes)
