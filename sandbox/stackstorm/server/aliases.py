"""The aliases that are registered: which fits a command, and what it gives."""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from sandbox.stackstorm.metadata import load_yaml
from sandbox.stackstorm.server.alias_match import extract
from sandbox.stackstorm.server.api_error import bad_request, not_found

Json = Dict[str, Any]
OPTIONAL_KEYS = ("ack", "result", "extra", "immutable_parameters")


class Format(NamedTuple):
    """One way of writing a command. Without a representation it is there for the help only."""

    display: Optional[str]
    representation: str
    multiple: bool


@dataclass(frozen=True)
class Alias:
    """An alias, as the API shows it."""

    document: Json

    @property
    def enabled(self) -> bool:
        return bool(self.document["enabled"])

    @property
    def name(self) -> str:
        return str(self.document["name"])

    def formats(self) -> Iterator[Format]:
        """Each representation with its display."""
        for each in self.document["formats"]:
            if isinstance(each, str):
                yield Format(each, each, False)
                continue
            display, multiple = each.get("display"), bool(each.get("match_multiple"))
            found = each.get("representation") or ([""] if display else [])
            for one in [found] if isinstance(found, str) else found:
                yield Format(display, one, multiple)

    def parameters(self, format_string: str, command: str) -> Json:
        """What the command gives; ApiError where the format is another alias's or does not fit."""
        if format_string not in [each.representation for each in self.formats()]:
            raise bad_request(
                f'Format string "{format_string}" is not available on the alias "{self.name}"'
            )
        found = extract(format_string, command)
        if found is None:
            raise bad_request(f'Command "{command}" doesn\'t match format string "{format_string}"')
        return dict(found)


class AliasRegistry:
    """Every alias, in the order in which they were registered."""

    def __init__(self) -> None:
        self._aliases: List[Alias] = []

    def register(self, folder: Path, pack: str) -> None:
        """Every file of a folder; `pack` where the file does not say."""
        for path in sorted(folder.glob("*.yaml")):
            self.add({"pack": pack, **load_yaml(path)})

    def add(self, document: Json) -> Alias:
        """One alias, as its file has it. An earlier one of the same ref is replaced."""
        ref = f"{document['pack']}.{document['name']}"
        whole = {
            "id": hashlib.sha256(ref.encode("utf-8")).hexdigest()[:24],
            "ref": ref,
            "uid": f"action_alias:{document['pack']}:{document['name']}",
            "name": document["name"],
            "pack": document["pack"],
            "description": document.get("description") or "",
            "enabled": document.get("enabled", True),
            "action_ref": document["action_ref"],
            "formats": document["formats"],
            **{key: document.get(key) or {} for key in OPTIONAL_KEYS},
        }
        alias = Alias(copy.deepcopy(whole))
        refs = [each.document["ref"] for each in self._aliases]
        if ref in refs:
            self._aliases[refs.index(ref)] = alias
        else:
            self._aliases.append(alias)
        return alias

    def all(self) -> List[Alias]:
        """All, sorted by pack and name."""
        return sorted(self._aliases, key=lambda each: (each.document["pack"], each.name))

    def get(self, ref_or_id: str) -> Alias:
        """ApiError 404."""
        for alias in self._aliases:
            if ref_or_id in (alias.document["id"], alias.document["ref"]):
                return alias
        raise not_found(f'Resource with a reference or id "{ref_or_id}" not found')

    def by_name(self, name: str) -> Alias:
        """The first of that name, whatever its pack: StackStorm looks no further. ApiError 404."""
        for alias in self._aliases:
            if alias.name == name:
                return alias
        raise not_found(f'Unable to identify action alias with name "{name}".')

    def match(self, command: str) -> Tuple[Alias, Format]:
        """The one that fits; ApiError 400 where none or several do."""
        single = self._fitting(command, multiple=False)
        if len(single) > 1:
            raise bad_request(f"Command '{command}' matched more than 1 pattern")
        found = single or self._fitting(command, multiple=True)
        if len(found) > 1:
            raise bad_request(f"Command '{command}' matched more than 1 (multi) pattern")
        if not found:
            raise bad_request(f"Command '{command}' matched no patterns")
        return found[0]

    def help(self, pattern: str = "", pack: str = "", limit: int = 0, offset: int = 0) -> Json:
        """`available` and `helpstrings`, each with pack, display and description."""
        lines = [
            {
                "pack": alias.document["pack"],
                "display": display,
                "description": alias.document["description"],
            }
            for alias in self.all()
            if alias.enabled and pack in ("", alias.document["pack"])
            for display in dict.fromkeys(each.display for each in alias.formats())
            if display and re.search(pattern, display, re.IGNORECASE)
        ]
        end = offset + limit if limit else None
        return {"available": len(lines), "helpstrings": lines[offset:end]}

    def _fitting(self, command: str, multiple: bool) -> List[Tuple[Alias, Format]]:
        return [
            (alias, each)
            for alias in self._aliases
            if alias.enabled
            for each in alias.formats()
            if each.multiple == multiple and extract(each.representation, command) is not None
        ]
