"""Registering all metadata, per action, against a pack of one-parameter actions of the same number.

Needs a StackStorm with its database: ST2BED names the folder of one (`venv`, `st2.conf`, `packs`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Optional

from tools.bench.result import Result, interleaved

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
PACK = "ref: {0}\nname: {0}\nversion: 1.0.0\nauthor: a\nemail: a@example.com\ndescription: bench\n"
ONE = """name: {0}
description: One parameter.
enabled: true
runner_type: python-script
entry_point: run.py
parameters:
  text:
    type: string
    description: A text.
"""


def measure() -> Optional[Result]:
    """Seconds per action; None where there is no StackStorm to register with."""
    bed = os.environ.get("ST2BED")
    if not bed:
        return None
    packs = Path(bed) / "packs"
    try:
        count = _copies(packs)
        ours, theirs = interleaved(
            ROUNDS, _register(bed, packs / "bench_slack"), _register(bed, packs / "bench_one")
        )
    finally:
        for name in ("bench_slack", "bench_one"):
            shutil.rmtree(packs / name, ignore_errors=True)
    return Result(
        "register",
        "%d actions, each" % count,
        ours / count,
        "one-parameter actions",
        theirs / count,
        1.5,
    )


def _copies(packs: Path) -> int:
    actions = sorted((ROOT / "actions").glob("*.yaml"))
    for name in ("bench_slack", "bench_one"):
        (packs / name / "actions").mkdir(parents=True)
        (packs / name / "pack.yaml").write_text(PACK.format(name), encoding="utf-8")
        (packs / name / "actions/run.py").write_text("", encoding="utf-8")
    for path in actions:
        shutil.copy(path, packs / "bench_slack/actions")
        one = packs / "bench_one/actions" / path.name
        one.write_text(ONE.format(path.stem), encoding="utf-8")
    return len(actions)


def _register(bed: str, pack: Path) -> Callable[[], object]:
    command = [
        "%s/venv/bin/st2-register-content" % bed,
        "--config-file",
        "%s/st2.conf" % bed,
        "--register-actions",
        "--register-fail-on-failure",
        "--register-pack",
        str(pack),
    ]
    return lambda: subprocess.run(command, check=True, capture_output=True)
