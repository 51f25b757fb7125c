"""python -m tools.bench [call] [pages] [register] [files] [sensor] [latency] [memory]: measure, and
compare with what was promised.

Where StackStorm is not there, `call` uses the import path that it gives by default and `register`
is left out (and said to be). `--messages 1000000` gives `memory` its whole length. Exit code 1
where a promise is not kept.
"""

from __future__ import annotations

import argparse
import functools
import sys
from typing import Any, Callable, Dict, List

from rich.console import Console
from rich.table import Table

from sandbox.stackstorm import package_path

package_path.add_stubs()

from tools.bench import call, files, pages, register, sensor  # noqa: E402

# name → measures; a row, several, or None where something is missing for it
BENCHMARKS: Dict[str, Callable[[], Any]] = {
    "call": call.measure,
    "pages": pages.measure,
    "register": register.measure,
    "files": files.measure,
    **sensor.MEASURES,
}
NEEDS = {"register": "ST2BED, a StackStorm with its services", "memory": "/proc", "files": "/proc"}


def main(words: List[str]) -> int:
    """Run those named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--messages", type=int, default=sensor.DEFAULT_MESSAGES)
    args = parser.parse_args(words)
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error("no such benchmark: %s" % ", ".join(sorted(unknown)))
    measures: Dict[str, Callable[[], Any]] = {
        **BENCHMARKS,
        "memory": functools.partial(sensor.memory, args.messages),
    }
    table = Table("benchmark", "measured", "compared with", "ratio", "promised", "kept")
    kept = True
    for name in args.names or BENCHMARKS:
        found = measures[name]()
        if found is None:
            table.add_row(name, "left out: needs %s" % NEEDS[name])
            continue
        for result in found if isinstance(found, list) else [found]:
            kept = kept and result.kept
            table.add_row(*result.row())
    Console(width=150 if not sys.stdout.isatty() else None).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
