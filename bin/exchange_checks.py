#!/usr/bin/env python3
"""What StackStorm Exchange demands of a pack's files, as one command; all faults at once.

Its CI is StackStorm-Exchange/ci (`.circle/Makefile`) with the scripts of StackStorm/st2sdk. Where
that looks at a part only (three phrases of the licence), the whole is looked at here. Not here:
flake8 and pylint (see Makefile), and registering, which takes a StackStorm.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import struct
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402
from jsonschema.exceptions import SchemaError, UnknownType  # noqa: E402

from sandbox.stackstorm.schema import is_secret, violations, with_defaults  # noqa: E402

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# StackStorm's own patterns (st2common/constants/pack.py), each with one that fits.
SEMVER = (
    r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    r"(?:-[\da-z\-]+(?:\.[\da-z\-]+)*)?(?:\+[\da-z\-]+(?:\.[\da-z\-]+)*)?"
)
PACK_PATTERNS = {
    "ref": (r"(?!_global$)[a-z0-9_]+", "slack"),
    "version": (SEMVER, "3.0.0"),
    "email": (r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+", "info@example.com"),
    "stackstorm_version": (
        r"(?:(?:>?>|>=|=|<=|<?<)\s*\d+\.\d+\.\d+(?:\s*,)?\s*)+",
        ">=3.8.0, <4.0.0",
    ),
}
_TEXTS = {"type": "array", "items": {"type": "string"}}
PACK_SCHEMA: Dict[str, Any] = {
    "name": {"type": "string", "required": True},
    "ref": {"type": "string", "required": True},
    "description": {"type": "string", "required": True},
    "version": {"type": "string", "required": True},
    "author": {"type": "string", "required": True},
    "email": {"type": "string", "required": True},
    "python_versions": {**_TEXTS, "required": True},
    "stackstorm_version": {"type": "string"},
    "keywords": _TEXTS,
    "contributors": {"type": "array", "items": {"type": "string", "maxLength": 100}},
    "dependencies": _TEXTS,
    "system": {"type": "object"},
}

LICENSE_PHRASES = ("Apache License", "Version 2.0", "www.apache.org/licenses/LICENSE-2.0")
LICENSE_END = "END OF TERMS AND CONDITIONS"
# SHA-256 of the words up to there, with one space between them.
LICENSE_TERMS = "TO BE FILLED"

ICON_SIZE = (64, 64)
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def faults_of(root: Path) -> List[str]:
    """What the Exchange would refuse, one line each; empty if nothing."""
    return [fault for check in CHECKS for fault in check(root)]


def yaml_faults(root: Path) -> Iterator[str]:
    """Every YAML file is one document that safe_load takes."""
    for path in files_of(root, ".yaml", ".yml", ".yaml.example"):
        _, fault = load_yaml(root, path)
        if fault:
            yield fault


def json_faults(root: Path) -> Iterator[str]:
    """Every JSON file parses."""
    for path in files_of(root, ".json"):
        try:
            json.loads((root / path).read_text(encoding="utf-8"))
        except ValueError as error:
            yield f"{path}: {error}"


def pack_faults(root: Path) -> Iterator[str]:
    """pack.yaml is there, and valid."""
    pack, fault = load_mapping(root, Path("pack.yaml"))
    if fault:
        yield _unless_told(fault)
        return
    for mistake in violations(pack, PACK_SCHEMA, extra=True):
        yield f"pack.yaml: {mistake}"
    for name, (pattern, fits) in PACK_PATTERNS.items():
        value = pack.get(name)
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            yield f"pack.yaml: {name}: must be like {fits!r}, not {value!r}"
    if pack.get("python_versions", ["3"]) != ["3"]:
        yield f'pack.yaml: python_versions: must be ["3"], not {pack["python_versions"]!r}'


def example_faults(root: Path) -> Iterator[str]:
    """There is one example of the config, and it satisfies the schema of the config."""
    examples = sorted(path.name for path in root.glob("*.yaml.example"))
    if len(examples) != 1:
        yield f"there must be one *.yaml.example in the root, not {len(examples)}: {examples}"
    schema, fault = load_mapping(root, Path("config.schema.yaml"))
    if fault:
        yield fault
        return
    for name in examples:
        example, fault = load_mapping(root, Path(name))
        yield from [fault] if fault else _example_mistakes(name, example, schema)
