"""The pack's actions as their metadata describes them: actions/*.yaml, read flat.

The file of an action is normally named after it; only where that is not so are other files
opened, so running one action of 350 parses one file.
"""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import yaml

from sandbox.stackstorm.validation_errors import (
    ActionNotFound,
    ValidationError,
    ValidationErrors,
    raise_if_any,
)

PACK = Path(__file__).resolve().parents[2]
PYTHON_RUNNER = "python-script"
TYPES = ("array", "boolean", "integer", "number", "object", "string")

# contrib/runners/python_runner/python_runner/runner.yaml of StackStorm: names, types, defaults.
RUNNER_PARAMETERS: Dict[str, Dict[str, Any]] = {
    "content_version": {"type": "string", "description": "Git revision of the pack to run."},
    "debug": {"type": "boolean", "default": False, "description": "Debug mode of the runner."},
    "env": {"type": "object", "description": "Environment variables of the action's process."},
    "log_level": {
        "type": "string",
        "default": "DEBUG",
        "enum": ["AUDIT", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"],
        "description": "Lowest level that the action's logger shows.",
    },
    "timeout": {
        "type": "integer",
        "default": 600,
        "description": "Seconds after which the action is killed.",
    },
}
# What an action may say anew about a parameter of its runner.
OVERRIDABLE = ("default", "description", "enum", "immutable", "required")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Action:
    """One action. `parameters` are its own, `schema` has its runner's merged in."""

    pack: str
    name: str
    path: Path
    description: str = ""
    enabled: bool = True
    runner_type: str = PYTHON_RUNNER
    entry_point: str = ""
    parameters: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    output_schema: Dict[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """pack.name, as StackStorm names it."""
        return f"{self.pack}.{self.name}"

    @property
    def schema(self) -> Dict[str, Dict[str, Any]]:
        """Every parameter that may be given: name → schema."""
        runner = RUNNER_PARAMETERS if self.runner_type == PYTHON_RUNNER else {}
        return {
            name: {**runner.get(name, {}), **self.parameters.get(name, {})}
            for name in list(self.parameters) + [n for n in runner if n not in self.parameters]
        }


def load_yaml(path: Path) -> Any:
    """The one document in a YAML file; ValidationErrors with file and line if it is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationErrors([ValidationError(str(path), f"cannot be read: {error}")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        # Not the whole error: it quotes the text around the fault, which may be a credential.
        what = getattr(error, "problem", None) or "cannot be parsed"
        raise ValidationErrors(
            [ValidationError(str(path), f"is not YAML: {where}{what}")]
        ) from None


def pack_ref(pack: Path = PACK) -> str:
    """The name under which the pack is installed: `ref` of pack.yaml, else its `name`."""
    loaded = load_yaml(pack / "pack.yaml") or {}
    return str(loaded.get("ref") or loaded["name"])


def load_action(ref: str, pack: Path = PACK) -> Action:
    """The action of that ref ("slack.chat.postMessage"); ActionNotFound, ValidationErrors."""
    own_ref = pack_ref(pack)
    name = ref[len(own_ref) + 1 :] if ref.startswith(f"{own_ref}.") else ""
    path = _file_of(name, pack) if re.match(r"[\w.-]+\Z", name) else None
    if path is None:
        raise ActionNotFound([ValidationError(ref, _not_found(ref, own_ref, pack))])
    return _action(path, own_ref)


def list_actions(pack: Path = PACK) -> List[Action]:
    """Every action of the pack, sorted by ref."""
    own_ref = pack_ref(pack)
    found = [_action(path, own_ref) for path in (pack / "actions").glob("*.yaml")]
    return sorted(found, key=lambda action: action.ref)


def _file_of(name: str, pack: Path) -> Optional[Path]:
    named = re.compile(rf"^name:\s*[\"']?{re.escape(name)}[\"']?\s*(#.*)?$", re.MULTILINE)
    likely = pack / "actions" / f"{name}.yaml"
    first = [likely] if likely.is_file() else []
    files = itertools.chain(first, sorted((pack / "actions").glob("*.yaml")))
    return next((p for p in files if named.search(p.read_text(encoding="utf-8"))), None)


def _not_found(ref: str, own_ref: str, pack: Path) -> str:
    refs = [f"{own_ref}.{path.stem}" for path in (pack / "actions").glob("*.yaml")]
    close = difflib.get_close_matches(ref, refs, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no such action in the pack {own_ref}{hint}"


def _action(path: Path, pack: str) -> Action:
    loaded = load_yaml(path)
    if not isinstance(loaded, dict) or "name" not in loaded:
        raise ValidationErrors([ValidationError(str(path), "is not the metadata of an action")])
    action = Action(
        pack=pack,
        name=str(loaded["name"]),
        path=path,
        description=str(loaded.get("description") or ""),
        enabled=bool(loaded.get("enabled", True)),
        runner_type=str(loaded.get("runner_type", "")),
        entry_point=str(loaded.get("entry_point") or ""),
        parameters={
            str(key): schema if isinstance(schema, dict) else {}
            for key, schema in (loaded.get("parameters") or {}).items()
        },
        output_schema=loaded.get("output_schema") or {},
    )
    raise_if_any(_parameter_mistakes(action))
    return action


def _parameter_mistakes(action: Action) -> List[ValidationError]:
    """What the st2 command or the API cannot work with, though StackStorm registers it."""
    found = []
    for name, schema in action.parameters.items():
        where = f"{action.path.name}: parameter {name}"
        kind = action.schema[name].get("type")
        if not isinstance(kind, str) or kind not in TYPES:
            found.append(ValidationError(where, f"needs one type of {', '.join(TYPES)}"))
        if not re.match(r"\w+\Z", name):
            found.append(
                ValidationError(where, "has a name of other signs than letters, digits and _")
            )
        fixed = RUNNER_PARAMETERS.get(name, {}) if action.runner_type == PYTHON_RUNNER else {}
        for key in [k for k in schema if fixed and k not in OVERRIDABLE]:
            if schema[key] != fixed.get(key):
                found.append(
                    ValidationError(where, f"{key} belongs to the runner and cannot be changed")
                )
    return found
