"""The memory that a process needs for moving a large file, and how long it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from sandbox.slack import LoopbackSlack
from sandbox.stackstorm import package_path as stackstorm_path
from tools.bench.entry import LOADED
from tools.bench.result import Figure, Row

ROOT = Path(__file__).resolve().parents[2]
MEGA = 1024 * 1024
UPLOADED, DOWNLOADED = 1024, 256  # MB
PROMISED = 100.0  # MB of memory
FILE = "F0HARBOUR01"
LOADER = (
    LOADED
    + """
# Not ru_maxrss: that of a new process begins with what its parent had.
with open("/proc/self/status") as stream:
    (peak,) = [int(line.split()[1]) / 1024 for line in stream if line.startswith("VmHWM:")]
print(json.dumps([answer, peak]))
"""
)


def measure(uploaded: int = UPLOADED, downloaded: int = DOWNLOADED) -> Optional[List[Row]]:
    """Peak memory of a process that uploads, and of one that downloads, so many MB.

    None where /proc tells nothing.
    """
    if not os.path.exists("/proc/self/status"):
        return None
    with LoopbackSlack() as slack, tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.bin", Path(folder) / "target.bin"
        with open(source, "wb") as stream:
            stream.truncate(uploaded * MEGA)
        slack.workspace.files[FILE]["size"] = downloaded * MEGA
        config = {"api_url": slack.api_url, "action_token": slack.bot_token}
        up = _process("files_upload.py", {"file_path": str(source)}, config)
        down = _process("files_download.py", {"file": FILE, "save_to": str(target)}, config)
        assert up[0]["files"][0]["size"] == uploaded * MEGA
        assert target.stat().st_size == downloaded * MEGA
    return [
        Figure("files", "peak memory, %d MB uploaded" % uploaded, up[1], "MB", PROMISED),
        Figure("", "seconds it took", up[2], "s"),
        Figure("", "peak memory, %d MB downloaded" % downloaded, down[1], "MB", PROMISED),
        Figure("", "seconds it took", down[2], "s"),
    ]


def _process(
    entry: str, parameters: Dict[str, Any], config: Dict[str, Any]
) -> Tuple[Any, float, float]:
    """(answer, peak memory in MB, seconds) of one execution."""
    values = [str(ROOT / "actions" / entry), json.dumps(parameters), json.dumps(config)]
    parts = [sysconfig.get_path("purelib"), str(ROOT / "actions/lib"), *stackstorm_path.folders()]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(parts))
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", LOADER, *values], env=env, check=True, stdout=subprocess.PIPE
    )
    seconds = time.perf_counter() - begun
    answer, peak = json.loads(done.stdout.splitlines()[-1])
    return answer, peak, seconds
