"""Draw the pictures of README and docs/ into etc/pictures: diagrams, and recorded terminals.

bin/draw_pictures.py           write them
bin/draw_pictures.py --check   fail if they are not what would be drawn; all faults at once

The terminals are recorded: the demo and slack.check run against the Slack on loopback, which takes
some seconds. Every machine, every version of Python and of rich draws the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional

from tools.pictures import message_path, module_paths, scenes

ROOT = Path(__file__).resolve().parents[2]

FOLDER = Path("etc/pictures")
PICTURES: Dict[str, Callable[[], str]] = {
    "way_of_a_message.svg": message_path.of_a_message,
    "ways.svg": module_paths.of_all,
    "check.svg": scenes.the_check,
    "demo.svg": scenes.the_demo,
    "command.svg": scenes.the_command,
    "result.svg": scenes.the_result,
    "approval.svg": scenes.the_approval,
    "who_may.svg": scenes.who_may,
}
DRAWN_ELSEWHERE = ("page.png",)  # bin/draw_page.py


def drift(folder: Path, pictures: Dict[str, str]) -> List[str]:
    """How the folder differs from what would be drawn, one line each."""
    faults = [
        "%s is not what bin/draw_pictures.py draws" % (folder / name)
        for name, text in pictures.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    expected_names = {*pictures, *DRAWN_ELSEWHERE}
    orphans = sorted(path for path in folder.glob("*") if path.name not in expected_names)
    return faults + ["%s is drawn by nothing" % path for path in orphans]


def write(folder: Path, pictures: Dict[str, str]) -> None:
    """Each picture into its file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pictures.items():
        (folder / name).write_bytes(text.encode("utf-8"))


def main(argv: Optional[List[str]] = None) -> int:
    """Exit code: 0 written, or as it should be; 1 --check found a difference, or no drawing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        pictures = {name: draw() for name, draw in PICTURES.items()}
    except scenes.SceneError as error:
        print("No picture can be drawn: %s" % error, file=sys.stderr)
        return 1
    if not options.check:
        write(options.root / FOLDER, pictures)
        return 0
    faults = drift(options.root / FOLDER, pictures)
    print("".join("%s\n" % fault for fault in faults), end="", file=sys.stderr)
    return 1 if faults else 0
