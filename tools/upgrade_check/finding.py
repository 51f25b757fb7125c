"""What is said about one place in somebody's pack."""

from __future__ import annotations

from typing import NamedTuple, Optional

BREAK, NOTE = "break", "note"


class Finding(NamedTuple):
    """`level`: break (something must change) or note; `line`: None for a whole file."""

    path: str
    line: Optional[int]
    level: str
    what: str
    instead: str = ""

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        text = f"{place}: {self.level}: {self.what}"
        return f"{text} → {self.instead}" if self.instead else text
