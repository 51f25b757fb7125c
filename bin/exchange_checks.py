#!/usr/bin/env python3
"""Check the pack's files as StackStorm Exchange does: see tools/checks/exchange.py."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / each) for each in ("",)]

from tools.checks.exchange import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
