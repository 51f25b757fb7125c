"""Where StackStorm's packages (`NAMES`) come from: the real ones, else stubs/.

The stubs are appended at the END of the import path and only for what cannot be imported,
so a real StackStorm always wins.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import List, Optional

STUBS = Path(__file__).resolve().parent / "stubs"
NAMES = ("st2common", "st2tests", "st2reactor", "st2auth_ldap")


def real_folder(name: str) -> Optional[Path]:
    """The folder on the import path that has the real package; None if there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    # A folder without __init__.py (a namespace package) has no origin: it is not StackStorm.
    if spec is None or spec.origin is None or STUBS in Path(spec.origin).resolve().parents:
        return None
    return Path(spec.origin).parents[1]


def missing() -> List[str]:
    """The packages of StackStorm that only the stubs provide here."""
    return [name for name in NAMES if real_folder(name) is None]


def folders() -> List[str]:
    """What a process needs on its import path to have the packages: real ones first."""
    real = [str(folder) for folder in map(real_folder, NAMES) if folder]
    return [*real, str(STUBS)] if missing() else real


def add_stubs() -> None:
    """Make them importable in this process. May be called again."""
    if missing() and str(STUBS) not in sys.path:
        sys.path.append(str(STUBS))
