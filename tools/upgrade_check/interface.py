"""What 2.3.0 offered, what the pack offers now, and the deliberate breaks between them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from sandbox.stackstorm.metadata import PACK, Action, load_action, load_yaml, pack_ref
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors

OLD, FACTS, BREAKS = "etc/slack/pack_2x.json", "etc/slack/web_api.json", "etc/upgrade_2x.yaml"

Kind = Mapping[str, Any]


@dataclass(frozen=True)
class Interface:
    """`old`: 2.x's name → action; `facts`: method → facts; the rest: see upgrade_2x.yaml.

    An action of now is read when it is first asked for.
    """

    pack: Path
    ref: str
    old: Mapping[str, Mapping[str, Any]]
    old_config: Mapping[str, Any]
    facts: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, Kind]
    behaviours: Mapping[str, Kind]
    pending: Mapping[str, str]
    names: List[str]
    _read: Dict[str, Action] = field(default_factory=dict)

    def action(self, name: str) -> Optional[Action]:
        """The action of that name as it is now, None where there is none."""
        if name not in self.names:
            return None
        if name not in self._read:
            self._read[name] = load_action(f"{self.ref}.{name}", self.pack)
        return self._read[name]

    def kind_of(self, name: str, parameter: str, *kinds: str) -> Optional[Kind]:
        """The first of these kinds of break (default: all) that lists this parameter."""
        for kind in kinds or self.kinds:
            entry = self.kinds.get(kind) or {}
            if parameter in (entry.get("where") or {}).get(name, ()):
                return entry
        return None


def load(pack: Path = PACK) -> Interface:
    """Read both interfaces below `pack`. Raises ValidationErrors for a pack without them."""
    breaks = load_yaml(pack / BREAKS)
    old = _json(pack / OLD)
    return Interface(
        pack=pack,
        ref=pack_ref(pack),
        old=old["actions"],
        old_config=old["config"],
        facts=_json(pack / FACTS)["methods"],
        kinds=breaks["kinds"],
        behaviours=breaks["behaviours"],
        pending=breaks["pending"] or {},
        names=sorted(path.stem for path in (pack / "actions").glob("*.yaml")),
    )


def _json(path: Path) -> Dict[str, Any]:
    try:
        loaded: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValidationErrors([ValidationError(str(path), f"cannot be read: {error}")]) from error
    return loaded
