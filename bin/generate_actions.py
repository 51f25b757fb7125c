#!/usr/bin/env python3
"""Write the generated files, or check them: see tools/generator/command.py."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / each) for each in ("",)]

from tools.generator.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
