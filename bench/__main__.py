"""python -m bench [call] [pages] [register]: measure, and compare with what was promised.

Where StackStorm is not there, `call` uses the import path that it gives by default and `register`
is left out (and said to be). Exit code 1 where a promise is not kept.
"""

from __future__ import annotations

import sys
from typing import List

from rich.console import Console
from rich.table import Table

from sandbox.stackstorm import path

path.add_standins()

from bench import call, pages, register  # noqa: E402

BENCHMARKS = {"call": call.measure, "pages": pages.measure, "register": register.measure}


def main(names: List[str]) -> int:
    """Run those named, or all."""
    table = Table("benchmark", "measured", "compared with", "ratio", "promised", "kept")
    kept = True
    for name in names or BENCHMARKS:
        result = BENCHMARKS[name]()
        if result is None:
            table.add_row(name, "left out: needs ST2BED, a StackStorm with its services")
            continue
        kept = kept and result.kept
        table.add_row(*result.row())
    Console(width=150 if not sys.stdout.isatty() else None).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
