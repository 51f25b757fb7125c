"""Facts and words → actions/*.yaml, methods.json, generated parts of README.md and docs/.

bin/generate_actions.py                 write them
bin/generate_actions.py --check         fail if they are not what would be written; all faults at
                                        once
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Dict, List, Optional

import yaml

from tools.generator import ids, metadata, readme, sources, table

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
METHODS = Path("actions/lib/st2slack/methods.json")


def expected_files(catalogue: sources.Catalogue) -> Dict[Path, str]:
    """Every generated file: path below the root → its text."""
    files = {
        Path("actions") / (name + ".yaml"): action_text(catalogue, name)
        for name, _ in catalogue.current()
    }
    for page in readme.pages(catalogue.root):
        text = (catalogue.root / page).read_text(encoding="utf-8")
        files[page] = readme.fill(text, catalogue)
    files[METHODS] = json.dumps(table.table_of(catalogue), indent=1, sort_keys=True) + "\n"
    return files


def action_text(catalogue: sources.Catalogue, name: str) -> str:
    """The metadata file of one method."""
    header = metadata.HEADER % catalogue.words.files[name]
    return header + yaml.dump(
        metadata.action_of(catalogue, name),
        Dumper=DUMPER,
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def drift(root: Path, files: Dict[Path, str]) -> List[str]:
    """How the tree differs from what would be written, one line each."""
    faults = []
    for path, text in files.items():
        there = root / path
        if not there.exists():
            faults.append("%s is missing" % path)
        elif there.read_text(encoding="utf-8") != text:
            faults.append(
                "%s is not what facts and words say (edited by hand, or not made anew)" % path
            )
    return faults + _strangers(root, files)


def _strangers(root: Path, files: Dict[Path, str]) -> List[str]:
    faults = []
    for there in sorted((root / "actions").glob("*.yaml")):
        path = there.relative_to(root)
        if path in files or there.name in sources.HAND_WRITTEN_ACTIONS:
            continue
        if there.read_text(encoding="utf-8").startswith(metadata.MARK):
            faults.append("%s is an orphan: its method lives no more" % path)
        else:
            faults.append("%s is neither generated nor listed as hand-written" % path)
    return faults


def write(root: Path, files: Dict[Path, str]) -> List[str]:
    """Write what differs and remove orphans; the paths that changed."""
    changed = []
    for path, text in files.items():
        there = root / path
        if not there.exists() or there.read_text(encoding="utf-8") != text:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text, encoding="utf-8")
            changed.append(str(path))
    for there in sorted((root / "actions").glob("*.yaml")):
        if there.relative_to(root) not in files and there.read_text(encoding="utf-8").startswith(
            metadata.MARK
        ):
            there.unlink()
            changed.append("removed " + str(there.relative_to(root)))
    return changed


def main(argv: Optional[List[str]] = None) -> int:
    """Exit code: 0 all well, 1 faults were found (and printed), 2 wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--root", type=Path, default=sources.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    catalogue = sources.load(options.root)
    faults = sources.faults_of(catalogue) + list(ids.faults_of(catalogue))
    files = {} if any("no description" in fault for fault in faults) else expected_files(catalogue)
    if options.check:
        faults += drift(options.root, files) if files else []
    elif not faults:
        changed = write(options.root, files)
        print(
            "%d files written or removed, %d as they were"
            % (len(changed), len(files) - len(changed))
        )
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    if options.check and not faults:
        print("%d generated files are what facts and words say" % len(files))
    return 1 if faults else 0
