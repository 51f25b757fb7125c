"""`python -m tools.chaos`: prints figures; exits 1 on a loss, a wrong double, disorder, or a
command that waited for its acknowledgement.

Runs, for each transport: 10 and 70 messages a second for --seconds, each without Slack's Web API
limits and with them; a burst; kills and restarts. A run with limits goes on until the sensor has
caught up, which may take an hour.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, Iterator, List

from .plan import Plan, Report
from .runs import among_faults, in_a_burst, with_restarts

RUNS = ("faults", "limits", "burst", "restarts")
FAULTS = {10: 40, 70: 200}  # in 300 s


def runs(asked: argparse.Namespace, transport: str, seed: int) -> Iterator[Report]:
    """The runs over a transport."""
    common: Dict[str, Any] = {"transport": transport, "seed": seed, "eventlet": asked.eventlet}
    common["keep"] = asked.keep
    for rate in asked.rates:
        messages = int(rate * asked.seconds)
        faults = max(1, int(FAULTS.get(rate, 2 * rate) * asked.seconds / 300))
        for limits in (False, True):
            if ("limits" if limits else "faults") in asked.runs:
                plan = Plan(messages, faults=faults, rate=rate, limits=limits, **common)
                yield among_faults(plan)
    if "burst" in asked.runs:
        yield in_a_burst(Plan(asked.burst, limits=True, **common))
    if "restarts" in asked.runs:
        restarts = max(2, int(20 * asked.seconds / 300))
        plan = Plan(int(50 * asked.seconds), restarts=restarts, rate=50.0, **common)
        yield with_restarts(plan)


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


def _numbers(text: str) -> List[int]:
    return [int(each) for each in text.split(",")]


def main() -> int:
    """0 where all is as promised."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="of each run")
    parser.add_argument("--rates", type=_numbers, default=[10, 70], help="messages a second")
    parser.add_argument("--burst", type=int, default=50_000)
    parser.add_argument("--runs", type=lambda text: text.split(","), default=RUNS)
    parser.add_argument("--transport", choices=("socket_mode", "rtm", "both"), default="both")
    parser.add_argument("--seeds", type=_numbers, default=[1])
    parser.add_argument("--eventlet", action="store_true", help="patched as StackStorm does it")
    parser.add_argument("--keep", default="", help="folder for the files of runs that failed")
    asked = parser.parse_args()
    both = ("socket_mode", "rtm")
    good = True
    for seed in asked.seeds:
        for transport in both if asked.transport == "both" else (asked.transport,):
            for report in runs(asked, transport, seed):
                print("seed %d" % seed)
                show(report)
                good = good and report.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
