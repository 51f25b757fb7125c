"""What StackStorm Exchange demands of a pack's files, as one command; all faults at once.

Its CI is StackStorm-Exchange/ci (`.circle/Makefile`) with the scripts of StackStorm/st2sdk. Where
that looks at a part only (three phrases of the licence), the whole is looked at here. Not here:
flake8 and pylint (see Makefile), and registering, which takes a StackStorm.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import re
import struct
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import yaml
from jsonschema import Draft4Validator

from sandbox.stackstorm.schema import is_secret, violations, with_defaults

ROOT = Path(__file__).resolve().parents[2]

Mapping = Dict[str, Any]

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
PACK_SCHEMA: Mapping = {
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
LICENSE_TERMS = "09ae9bf1886f530f7338889ef805f37b288ec6adedd1e1e32058921acf05a782"

ICON_SIZE = (64, 64)
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def faults_of(root: Path) -> List[str]:
    """What the Exchange would refuse, one line each; empty if nothing."""
    return list(dict.fromkeys(fault for check in CHECKS for fault in check(root)))


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
        yield fault
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
    faults = [fault] if fault else list(_schema_mistakes(schema))
    for name in [] if faults else examples:
        example, fault = load_mapping(root, Path(name))
        faults += [fault] if fault else _example_mistakes(name, example, schema)
    yield from faults


def _schema_mistakes(schema: Mapping) -> Iterator[str]:
    """Where config.schema.yaml is no schema in StackStorm's dialect."""
    for name, inner in schema.items():
        for error in _DIALECT.iter_errors(inner):
            place = ".".join(str(step) for step in (name, *error.absolute_path))
            yield f"config.schema.yaml: {place}: {error.message}"


def _dialect() -> Draft4Validator:
    """Draft 4 for schemas themselves, but `required` is true or false (as in draft 3)."""
    meta = copy.deepcopy(dict(Draft4Validator.META_SCHEMA))
    del meta["id"]  # or its references to itself would lead to the original
    meta["properties"].update(required={"type": "boolean"}, secret={"type": "boolean"})
    return Draft4Validator(meta)


_DIALECT = _dialect()


def _example_mistakes(name: str, example: Mapping, schema: Mapping) -> List[str]:
    """A key that the schema lacks is a mistake here, though StackStorm lets it pass."""
    mistakes = violations(with_defaults(example, {"properties": schema}), schema)
    return [f"{name}: {mistake}" for mistake in mistakes] + [
        f"{name}: {'.'.join(map(str, path))}: is secret, so StackStorm decrypts it by itself: "
        "decrypt_kv is refused"
        for path, text in _leaves(example)
        if isinstance(text, str) and "decrypt_kv" in text and is_secret(path, schema)
    ]


def _leaves(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    """Every (path, value) that is neither a mapping nor a list."""
    if not isinstance(value, (dict, list)):
        yield path, value
        return
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, (*path, step))


def output_schema_faults(root: Path) -> Iterator[str]:
    """What StackStorm would ignore: it validates an answer only against a full schema."""
    for path in sorted((root / "actions").glob("*.yaml")):
        place = path.relative_to(root)
        action, fault = load_mapping(root, place)
        schema = action.get("output_schema")
        if fault or schema is None:
            continue
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"{place}: output_schema: must be a full schema (type: object, properties)"
            continue
        for error in _DIALECT.iter_errors(schema):
            where = ".".join(str(step) for step in ("output_schema", *error.absolute_path))
            yield f"{place}: {where}: {error.message}"


def license_faults(root: Path) -> Iterator[str]:
    """LICENSE is the Apache License 2.0, its whole text."""
    path = root / "LICENSE"
    if not path.is_file():
        yield "LICENSE is missing"
        return
    text = path.read_text(encoding="utf-8")
    absent = [phrase for phrase in LICENSE_PHRASES if phrase not in text]
    if absent:
        yield f"LICENSE is not the Apache License 2.0: {', '.join(absent)} is not in it"
    elif _terms_hash(text) != LICENSE_TERMS:
        yield "LICENSE is not the whole text of the Apache License 2.0, word by word"


def _terms_hash(text: str) -> str:
    words = " ".join(text.partition(LICENSE_END)[0].split())
    return hashlib.sha256(words.encode("utf-8")).hexdigest()


def icon_faults(root: Path) -> Iterator[str]:
    """icon.png is a whole PNG of the size that the Exchange shows."""
    path = root / "icon.png"
    if not path.is_file():
        yield "icon.png is missing"
        return
    data = path.read_bytes()
    if not (data.startswith(_PNG_START) and data.endswith(_PNG_END)):
        yield "icon.png is not a PNG, or not a whole one"
        return
    size = struct.unpack_from(">II", data, len(_PNG_START))
    if size != ICON_SIZE:
        yield "icon.png must be %dx%d, not %dx%d" % (*ICON_SIZE, *size)


def changes_faults(root: Path) -> Iterator[str]:
    """The newest version in the headings of CHANGES.md is that of pack.yaml."""
    path = root / "CHANGES.md"
    version = str(load_mapping(root, Path("pack.yaml"))[0].get("version"))
    if not path.is_file():
        yield "CHANGES.md is missing"
        return
    text = path.read_text(encoding="utf-8")
    named = re.findall(rf"^#+ .*?(?<![\w.])v?({SEMVER})(?![\w.-]*\d)", text, re.MULTILINE)
    if not named or named[0] != version:
        newest = f"is {named[0]}" if named else "is not in a heading"
        yield f"CHANGES.md: the newest version {newest}, that of pack.yaml is {version}"


CHECKS: Tuple[Callable[[Path], Iterator[str]], ...] = (
    yaml_faults,
    json_faults,
    pack_faults,
    example_faults,
    output_schema_faults,
    license_faults,
    icon_faults,
    changes_faults,
)


def files_of(root: Path, *endings: str) -> List[Path]:
    """Paths below the root, without hidden folders (environments, caches), but with .github."""
    found: List[Path] = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name == ".github" or not name.startswith(".")]
        paths = (Path(folder, name) for name in names if name.endswith(endings))
        found += [path.relative_to(root) for path in paths]
    return sorted(found)


def load_yaml(root: Path, path: Path) -> Tuple[Any, str]:
    """(the one document of a file, "") or (None, what is wrong)."""
    try:
        # Node first: an empty file is no document, while `null` is one.
        loader = LOADER((root / path).read_text(encoding="utf-8"))
        node = loader.get_single_node()
        return (
            (None, f"{path}: is empty") if node is None else (loader.construct_document(node), "")
        )
    except FileNotFoundError:
        return None, f"{path} is missing"
    except (yaml.YAMLError, ValueError) as error:
        return None, f"{path}: {' '.join(str(error).split())}"


def load_mapping(root: Path, path: Path) -> Tuple[Mapping, str]:
    """({name: value}, "") or ({}, what is wrong)."""
    value, fault = load_yaml(root, path)
    if not fault and not isinstance(value, dict):
        fault = f"{path}: must hold names and values (a mapping)"
    return ({}, fault) if fault else (value, "")


def main(argv: Optional[List[str]] = None) -> int:
    """Exit code: 0 all well, 1 faults were found (and printed), 2 wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", type=Path, nargs="?", default=ROOT, help="the pack's folder")
    root = parser.parse_args(argv).root
    if not root.is_dir():
        parser.error(f"{root} is no folder")
    faults = faults_of(root)
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    documents = len(files_of(root, ".yaml", ".yml")), len(files_of(root, ".json"))
    print("%d YAML and %d JSON files, and the pack's own, are as the Exchange wants" % documents)
    return 0
