#!/usr/bin/env python3
"""Draw etc/pictures/page.png: the page of the Slack on loopback, in headless Chromium.

No two machines draw the same letters, so nothing checks its bytes; draw it again when the page
looks different. It needs Debian's chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / each) for each in ("", "actions/lib")]

from tools.pictures import page  # noqa: E402
from tools.pictures.chromium import BrowserError  # noqa: E402

TARGET = Path("etc/pictures/page.png")


def main(root: Path = ROOT) -> int:
    """Exit code: 0 written, 1 no picture could be drawn."""
    try:
        drawn = page.picture()
    except BrowserError as error:
        print("No picture can be drawn: %s" % error, file=sys.stderr)
        return 1
    (root / TARGET).write_bytes(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
