"""`python -m sandbox upgrade-check DIR…`: what must change in somebody's packs for version 3.

Exit code: 0 nothing must change, 1 something must, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Iterator

from tools.upgrade_check import interface
from tools.upgrade_check.scan import Report, scan

DONE, MUST_CHANGE = 0, 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "places",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folder of a pack, of packs, or of configs, e.g. /opt/stackstorm/packs",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: argparse.Namespace) -> int:
    """Look, print, and return the exit code."""
    report = scan(interface.load(args.pack_dir), args.places)
    print(_json(report) if args.json else "\n".join(_lines(report)))
    return MUST_CHANGE if report.breaks else DONE


def _lines(report: Report) -> Iterator[str]:
    yield from map(str, report.findings)
    if report.findings:
        yield ""
    notes = len(report.findings) - report.breaks
    summary = (
        f"{_count(report.breaks, 'place')} must change" if report.breaks else "Nothing to change"
    )
    summary += f", {_count(notes, 'note')}" if notes else ""
    looked = ", ".join(
        [
            _count(report.files, "YAML file"),
            _count(report.references, "reference") + " to slack",
            _count(report.configs, "config"),
        ]
    )
    yield f"{summary}. Looked at: {looked}."


def _json(report: Report) -> str:
    document = {
        "breaks": report.breaks,
        "files": report.files,
        "references": report.references,
        "configs": report.configs,
        "findings": [each._asdict() for each in report.findings],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
