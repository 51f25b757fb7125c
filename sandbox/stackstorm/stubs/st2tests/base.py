"""Stubs of the base classes that packs use in the tests of their actions and aliases."""

from __future__ import annotations

import inspect
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterable, Optional, Type

import yaml

from sandbox.stackstorm.datastore import ActionService
from sandbox.stackstorm.server.alias_match import extract

__all__ = ["BaseActionAliasTestCase", "BaseActionTestCase"]


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


class BaseActionAliasTestCase(unittest.TestCase):
    """A test case with the name of an alias in `aliases/` of the pack, and its file as an object.

    The test stands in a folder of the pack, as `tests/` is.
    """

    action_alias_name: Optional[str] = None

    def setUp(self) -> None:
        super().setUp()
        self.action_alias_db = self._alias()

    def assertCommandMatchesExactlyOneFormatString(
        self, format_strings: Iterable[str], command: str
    ) -> None:
        """One of the formats fits the command, and no other."""
        matched = [each for each in format_strings if extract(each, command) is not None]
        self.assertEqual(len(matched), 1, "%r matches %s" % (command, matched))

    def assertExtractedParametersMatch(
        self, format_string: str, command: str, parameters: Dict[str, Any]
    ) -> None:
        """The format is one of the alias, and takes these parameters out of the command."""
        self.assertIn(format_string, self.action_alias_db.get_format_strings())
        self.assertEqual(extract(format_string, command), parameters)

    def _alias(self) -> Any:
        folder = Path(inspect.getfile(type(self))).resolve().parents[1] / "aliases"
        for path in sorted(folder.glob("*.yaml")):
            alias = yaml.safe_load(path.read_text(encoding="utf-8"))
            if alias["name"] == self.action_alias_name:
                return _Alias(alias)
        raise ValueError('Alias with name "%s" not found' % self.action_alias_name)


class _Alias(SimpleNamespace):
    """An alias with the keys of its file as attributes."""

    def __init__(self, document: Dict[str, Any]) -> None:
        super().__init__(**document)
        self._formats = [each for one in document["formats"] for each in _representations(one)]

    def get_format_strings(self) -> Iterable[str]:
        return self._formats


def _representations(one: Any) -> Iterable[str]:
    return [one] if isinstance(one, str) else one.get("representation") or ()
