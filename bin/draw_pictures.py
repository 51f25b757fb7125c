#!/usr/bin/env python3
"""Draw the pictures of README and docs/, or check them: see tools/pictures/command.py."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / each) for each in ("", "actions/lib")]

from tools.pictures.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
