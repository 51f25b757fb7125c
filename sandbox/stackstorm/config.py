"""The pack's config as an action gets it: a YAML file and the defaults of config.schema.yaml.

There is no datastore here: a value such as `{{ st2kv.system.name }}` is looked up among the pairs
given for it (`--kv name=value`), anything else in braces is refused.
"""

from __future__ import annotations

import argparse
import copy
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from sandbox.stackstorm.masking import secret_texts
from sandbox.stackstorm.metadata import PACK, load_yaml
from sandbox.stackstorm.schema import Schema, violations, with_defaults
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors, raise_if_any

Config = Dict[str, Any]

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_KEY = re.compile(r"\{\{\s*st2kv\.(?:system|user)\.([\w.:-]+)\s*(?:\|\s*decrypt_kv\s*)?\}\}")
# What to hide where there is no schema to tell.
_TELLING = re.compile(r"token|secret|password|credential", re.IGNORECASE)


def pairs(words: Sequence[str]) -> Dict[str, str]:
    """What `--kv name=value` told."""
    if any("=" not in pair for pair in words):
        raise ValidationErrors([ValidationError("--kv", "must be name=value")])
    return dict(pair.split("=", 1) for pair in words)


def arguments(parser: argparse.ArgumentParser, what_for: str) -> None:
    """The options --config, to do `what_for`, and --kv."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the pack's config, %s; without: a Slack on loopback" % what_for,
    )
    parser.add_argument(
        "--kv",
        action="append",
        default=[],
        metavar="name=value",
        help="value of {{ st2kv.system.name }} in the config (may be repeated)",
    )


def load_config(path: Path, pack: Path = PACK, kv: Optional[Mapping[str, str]] = None) -> Config:
    """The config in that file, complete; ValidationErrors naming each key (never its value)."""
    loaded = load_yaml(path)
    if loaded is not None and not isinstance(loaded, dict):
        raise ValidationErrors(
            [ValidationError(str(path), "must hold keys and values (a mapping)")]
        )
    return complete(loaded or {}, pack, kv)


def complete(values: Config, pack: Path = PACK, kv: Optional[Mapping[str, str]] = None) -> Config:
    """The config with datastore values and the schema's defaults; ValidationErrors as above."""
    errors: List[ValidationError] = []
    properties = load_schema(pack)
    config: Config = _looked_up(copy.deepcopy(values), "", kv or {}, errors)
    raise_if_any(errors)
    config = _defaults(config, {"type": "object", "properties": properties})
    # Every value counts as secret in a message: a token may stand under the wrong key.
    hidden = {name: {**schema, "secret": True} for name, schema in properties.items()}
    raise_if_any(violations(with_defaults(config, {"properties": hidden}), hidden, extra=True))
    return config


def load_schema(pack: Path = PACK) -> Dict[str, Schema]:
    """config.schema.yaml: key → schema; empty where there is none."""
    path = pack / "config.schema.yaml"
    return (load_yaml(path) or {}) if path.is_file() else {}


def secrets_of(config: Config, pack: Path = PACK) -> Set[str]:
    """Every secret text in a config."""
    schema = {"type": "object", "properties": load_schema(pack)}
    return secret_texts(config, schema) | _under_telling_names(config)


def _under_telling_names(value: Any, inside: bool = False) -> Set[str]:
    if isinstance(value, dict):
        inner = [
            _under_telling_names(v, inside or bool(_TELLING.search(str(k))))
            for k, v in value.items()
        ]
    elif isinstance(value, list):
        inner = [_under_telling_names(v, inside) for v in value]
    else:
        return {value} if inside and isinstance(value, str) else set()
    return set().union(*inner)


def _looked_up(value: Any, where: str, kv: Mapping[str, str], errors: List[ValidationError]) -> Any:
    if isinstance(value, dict):
        dot = "." if where else ""
        return {k: _looked_up(v, f"{where}{dot}{k}", kv, errors) for k, v in value.items()}
    if isinstance(value, list):
        return [_looked_up(v, f"{where}[{i}]", kv, errors) for i, v in enumerate(value)]
    if not isinstance(value, str) or not _EXPRESSION.search(value):
        return value
    return _rendered(value, where, kv, errors)


def _rendered(text: str, where: str, kv: Mapping[str, str], errors: List[ValidationError]) -> str:
    """The text with values for its datastore expressions."""
    absent = [name for name in _KEY.findall(text) if name not in kv]
    for name in absent:
        errors.append(
            ValidationError(
                where, f"is kept in StackStorm's datastore: give it with --kv {name}=VALUE"
            )
        )
    if _EXPRESSION.search(_KEY.sub("", text)):
        errors.append(ValidationError(where, "holds a template that only StackStorm renders"))
    return _KEY.sub(lambda found: kv.get(found.group(1), ""), text)


def _defaults(value: Any, schema: Schema) -> Any:
    """Defaults for absent keys (null stays null); described objects and lists come into being."""
    if isinstance(value, dict):
        for name, inner in (schema.get("properties") or {}).items():
            if name not in value and "default" in inner:
                value[name] = copy.deepcopy(inner["default"])
            if not value.get(name) and (_empty(inner) is not None):
                value[name] = _empty(inner)
            if name in value:
                value[name] = _defaults(value[name], inner)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_defaults(item, schema["items"]) for item in value]
    return value


def _empty(schema: Schema) -> Any:
    """What StackStorm puts where a described object or list is absent or empty."""
    described = ("properties", "patternProperties", "additionalProperties")
    if schema.get("type") == "object" and any(schema.get(key) for key in described):
        return {}
    if schema.get("type") == "array" and (schema.get("items") or schema.get("additionalItems")):
        return []
    return None
