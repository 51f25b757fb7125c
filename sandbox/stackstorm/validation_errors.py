"""What was wrong with the input: every mistake at once, each with the name it belongs to.

ValueError
└── ValidationErrors            parameters, configuration or metadata that StackStorm would refuse
    ├── ActionNotFound  no such action in the pack
    └── NotRunnable     the action exists, but not for the sandbox
"""

from __future__ import annotations

from typing import Iterable, List, NamedTuple


class ValidationError(NamedTuple):
    """One mistake: where ("blocks[0].type") and what ("is required")."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class ValidationErrors(ValueError):
    """Refused input. `errors` holds them all; the text has one a line."""

    def __init__(self, errors: Iterable[ValidationError]) -> None:
        self.errors: List[ValidationError] = list(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class ActionNotFound(ValidationErrors):
    """There is no action of that name."""


class NotRunnable(ValidationErrors):
    """An action that only a whole StackStorm can run, or that is disabled."""


def raise_if_any(errors: List[ValidationError]) -> None:
    """Raise ValidationErrors if there are any."""
    if errors:
        raise ValidationErrors(errors)
