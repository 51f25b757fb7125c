"""A stub of StackStorm's base class of Python actions.

Same face as the real one as far as packs use it: `config`, `action_service`, `logger`, `run`.
"""

from __future__ import annotations

import abc
import logging
from typing import Any, Dict, Optional

__all__ = ["Action"]

# StackStorm adds this level to the standard ones.
AUDIT = logging.CRITICAL + 10
logging.addLevelName(AUDIT, "AUDIT")


class PackConfig(Dict[str, Any]):
    """The pack's config. A key that is not there raises ValueError, as in StackStorm."""

    def __init__(self, pack: str, values: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(values or {})
        self._pack = pack

    def __missing__(self, key: str) -> Any:
        raise ValueError(
            f'The config of pack "{self._pack}" has no key "{key}". '
            f"It belongs into configs/{self._pack}.yaml."
        )


def action_logger(name: str, level: str) -> logging.Logger:
    """The logger of an action: to stderr, one handler however many instances there are."""
    logger = logging.getLogger(f"actions.python.{name}")
    if not logger.handlers:
        number = logging.getLevelName(level.upper())
        logger.setLevel(number if isinstance(number, int) else logging.DEBUG)
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(name)s: %(levelname)-8s %(message)s"))
        logger.addHandler(handler)
    return logger


class Action(abc.ABC):
    """Base of the pack's actions; subclasses have `run(**parameters)`."""

    description: Optional[str] = None

    def __init__(self, config: Optional[Dict[str, Any]] = None, action_service: Any = None) -> None:
        # The real class reads the same private names off the wrapper that started it.
        wrapper = getattr(action_service, "_action_wrapper", None)
        self.config = PackConfig(getattr(wrapper, "_pack", "unknown"), config)
        self.action_service = action_service
        self.logger = action_logger(type(self).__name__, getattr(wrapper, "_log_level", "debug"))

    @abc.abstractmethod
    def run(self, **kwargs: Any) -> Any:
        """Do it; (True, result) succeeded, (False, result) failed."""
