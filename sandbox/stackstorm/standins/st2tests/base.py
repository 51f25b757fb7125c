"""A stand-in for the base class that packs use in the tests of their actions."""

from __future__ import annotations

import inspect
import unittest
from pathlib import Path
from typing import Any, Dict, Optional, Type

from sandbox.stackstorm.datastore import ActionService

__all__ = ["BaseActionTestCase"]


class BaseActionTestCase(unittest.TestCase):
    """A test case with an `action_cls` and instances of it."""

    action_cls: Optional[Type[Any]] = None

    def setUp(self) -> None:
        super().setUp()
        name = getattr(self.action_cls, "__name__", "unknown")
        self.action_service = ActionService("tests", name)

    def get_action_instance(self, config: Optional[Dict[str, Any]] = None) -> Any:
        """An instance with this config."""
        assert self.action_cls is not None, "the test case has no action_cls"
        return self.action_cls(config=config, action_service=self.action_service)

    def get_fixture_content(self, fixture_path: str) -> str:
        """The text of a file under the `fixtures` folder beside the test."""
        here = Path(inspect.getfile(type(self))).resolve().parent
        return (here / "fixtures" / fixture_path).read_text(encoding="utf-8")
