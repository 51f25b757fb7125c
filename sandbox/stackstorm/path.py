"""Where `st2common` and `st2tests` come from: the real ones, else standins/.

The stand-ins are appended at the END of the import path and only for what cannot be imported,
so a real StackStorm always wins.
"""
from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import List

STANDINS = Path(__file__).resolve().parent / "standins"
NAMES = ("st2common", "st2tests")


def is_real(name: str) -> bool:
    """Whether the package can be imported from elsewhere than standins/."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    # A folder without __init__.py (a namespace package) has no origin: it is not StackStorm.
    return bool(spec and spec.origin and STANDINS not in Path(spec.origin).resolve().parents)


def missing() -> List[str]:
    """The packages of StackStorm that only the stand-ins provide here."""
    return [name for name in NAMES if not is_real(name)]


def add_standins() -> None:
    """Make `st2common` and `st2tests` importable in this process. May be called again."""
    if missing() and str(STANDINS) not in sys.path:
        sys.path.append(str(STANDINS))
