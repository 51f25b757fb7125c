"""Runs a pack's sensor in this process, as StackStorm's sensor wrapper does.

    python -m sandbox.stackstorm.sensor.host FOLDER [--pause SECONDS] [--eventlet]
                                             [--hurry] [--keep-limits]

FOLDER has config.json, the pack's config; what else is there tells sensor_service. With
ST2_API_URL and ST2_AUTH_TOKEN in the environment triggers and values go to that API. `--eventlet`
patches Python first, as StackStorm does. `--hurry` is for a run that has the faults of weeks within
minutes: what waits for tens of seconds waits for one, and the catch-up is not held to Slack's 50
calls a minute. With `--keep-limits` the catch-up keeps them, and a connection that is half open is
noticed as late as ever.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, List

ENTRY = "sensors/slack_sensor.py"
PATCHED = ("os", "select", "socket", "thread", "time")  # as StackStorm has it


def main(arguments: List[str]) -> int:
    """0 when the sensor has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--eventlet", action="store_true")
    parser.add_argument("--hurry", action="store_true")
    parser.add_argument("--keep-limits", action="store_true")
    options = parser.parse_args(arguments)
    if options.eventlet:
        import eventlet

        eventlet.monkey_patch(**dict.fromkeys(PATCHED, True))
    run(options)
    return 0


def run(options: Any) -> None:
    """Load the sensor and let it run, to its end."""
    import importlib.util
    import json
    import logging
    import os
    from pathlib import Path

    from sandbox.stackstorm import package_path
    from sandbox.stackstorm.sensor.host_service import ConnectedSensorService, HostSensorService

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if options.eventlet:
        from eventlet.patcher import is_monkey_patched

        names = [each for each in PATCHED if is_monkey_patched(each)]
        logging.getLogger("host").info("patched: %s", ", ".join(names))
    package_path.add_stubs()
    pack, folder = Path(__file__).resolve().parents[3], Path(options.folder)
    # Not put in sys.modules: StackStorm does not do that either.
    spec = importlib.util.spec_from_file_location("slack_sensor", pack / ENTRY)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if options.hurry:
        hurry(options.keep_limits)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = ConnectedSensorService if os.environ.get("ST2_API_URL") else HostSensorService
    sensor = module.SlackSensor(kind(folder, options.pause), config=config)
    sensor.setup()
    sensor.run()


def hurry(keep_limits: bool = False) -> None:
    """Shorter waits, all of them constants of the sensor's."""
    from st2slack.sensor import connection, dispatcher, rate_limiter, slack_clients

    names = ("HELLO", "SLOW", "CEILING")
    for name in names if keep_limits else (*names, "QUIET", "ANSWER"):
        setattr(connection, name, 1.0)
    dispatcher.LONGEST_WAIT = slack_clients.OPENING = 1.0
    if keep_limits:
        return
    original_init = rate_limiter.RateLimiter.__init__
    original_init.__defaults__ = (*(original_init.__defaults__ or ())[:1], 100_000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
