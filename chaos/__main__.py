"""`python -m chaos`: prints figures; exits 1 on a loss, a wrong double, or disorder."""

from __future__ import annotations

import argparse
import sys
from typing import Iterator

from .runs import Plan, Report, among_faults, with_restarts


def runs(asked: argparse.Namespace, transport: str) -> Iterator[Report]:
    """The three runs over a transport."""
    common = {"transport": transport, "seed": asked.seed, "eventlet": asked.eventlet}
    common["keep"] = asked.keep
    yield among_faults(Plan(asked.messages, faults=asked.faults, **common))
    fewer = max(200, asked.messages // 4)
    for kill in (True, False):
        yield with_restarts(Plan(fewer, restarts=asked.restarts, **common), kill)


def show(report: Report) -> None:
    """On stdout."""
    print("%s  %s" % ("ok  " if report.good else "FAIL", report.name), flush=True)
    for name, value in report.figures.items():
        kinds = sorted(value.items()) if isinstance(value, dict) else []
        told = ", ".join("%s %d" % each for each in kinds) if kinds else value
        print("        %-32s %s" % (name, told), flush=True)
    verdict = report.verdict
    for name in ("lost", "twice", "disorder", "strange"):
        found = getattr(verdict, name)
        if found:
            print("        %s: %s%s" % (name, found[:20], " …" if found[20:] else ""), flush=True)
    for problem in report.problems:
        print("        problem: %s" % problem, flush=True)


def main() -> int:
    """0 where all is as promised."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--transport", choices=("socket_mode", "rtm", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--eventlet", action="store_true", help="patched as StackStorm does it")
    parser.add_argument("--keep", default="", help="folder for the files of a run that failed")
    asked = parser.parse_args()
    both = ("socket_mode", "rtm")
    good = True
    for transport in both if asked.transport == "both" else (asked.transport,):
        for report in runs(asked, transport):
            show(report)
            good = good and report.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
