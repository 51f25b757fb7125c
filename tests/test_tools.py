"""The commands people run: bin/show, the demo, the table of benchmarks."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.cli import demo
from sandbox.stackstorm.runner.action_process import Execution
from tools.bench import __main__ as bench_main
from tools.bench import firehose, sensor
from tools.bench.result import Figure, Result, interleaved

ROOT = Path(__file__).resolve().parents[1]


def show(*words):
    return subprocess.run(
        [sys.executable, str(ROOT / "bin/show"), *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
        env={"PYTHONIOENCODING": "utf-8"},
    )


def test_show_lays_facts_words_and_action_beside_each_other():
    shown = show("reactions.add")
    assert shown.returncode == 0, shown.stderr
    first = shown.stdout.splitlines()[1]
    for title in (
        "etc/slack/web_api.json",
        "where they came from",
        "etc/words/reactions.yaml",
        "actions/reactions.add.yaml",
    ):
        assert title in first
    assert "reactions:write" in shown.stdout and "end_point" in shown.stdout


def test_show_names_the_source_of_each_fact():
    shown = show("pins.add").stdout
    for part in ("page of docs.slack.dev", "writes: by hand", "timestamp: slack_sdk 3."):
        assert part in shown, part
    assert "required of timestamp: True, against sdk" in shown


def test_show_names_what_is_near():
    shown = show("reactions.ad")
    assert shown.returncode == 1 and "reactions.add" in shown.stderr


@pytest.fixture(scope="module")
def demo_run():
    console = Console(record=True, width=100, file=open("/dev/null", "w"))  # noqa: SIM115
    code = demo.call(None, console)
    console.file.close()
    return code, console.export_text()


def test_the_demo_does_what_it_says(demo_run):
    code, text = demo_run
    lines = " ".join(text.replace("│", " ").split())  # where a line is broken is not the point
    assert code == 0
    for part in (
        "web 4.2.0 is live in Hamburg 🚀",
        "✔ trigger.text regex",
        "✔ trigger.channel.name equals deploys",
        "Thanks, @Harbour Bot. I watch the error rates",
        "thread_ts=",
        "🎉 1",
        "channel_not_found",
        "invite the app",
        "messages from",
        "What next",
        "-m sandbox run slack.chat.postMessage",
    ):
        assert part in lines, part
    assert text.count("● succeeded") == 5 and text.count("● failed") == 1


def test_the_demo_shows_no_token(demo_run):
    assert "xoxb-l" not in demo_run[1] and "xoxp-" not in demo_run[1]


def test_the_demo_fails_where_the_sensor_hears_nothing(monkeypatch):
    monkeypatch.setattr(demo.SensorProcess, "wait_for", lambda *anything, **more: None)
    console = Console(record=True, width=100, file=io.StringIO())
    assert demo.call(None, console) == 1
    assert "No trigger came" in console.export_text()


def test_the_demo_fails_when_a_step_does(monkeypatch):
    failed = Execution("failed", None, "", "x: Boom: no", 0.1, 1)
    monkeypatch.setattr(demo.Demo, "_execute", lambda *anything: failed)
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        assert demo.call(None, Console(file=nowhere)) == 1


def test_a_benchmark_that_breaks_its_promise_says_so():
    kept = Result("x", "ours", 0.12, "theirs", 0.1, 1.25)
    broken = Result("x", "ours", 0.13, "theirs", 0.1, 1.25)
    faster = Result("x", "ours", 0.1, "theirs", 0.3, 2.0, at_most=False)
    slower = Result("x", "ours", 0.2, "theirs", 0.3, 2.0, at_most=False)
    assert (kept.kept, broken.kept, faster.kept, slower.kept) == (True, False, True, False)
    assert broken.row()[-1] == "NO"


def test_benchmarks_take_turns():
    order = []
    interleaved(2, lambda: order.append("a"), lambda: order.append("b"))
    assert order == ["a", "b", "a", "b"]


def test_a_figure_is_kept_below_its_promise_and_information_is_no_promise():
    assert Figure("x", "growth", 9.9, "MB", 10.0).kept
    assert not Figure("x", "growth", 10.0, "MB", 10.0).kept
    assert Figure("", "beside", 1e9, "frames/s").kept
    assert Figure("x", "growth", 12.0, "MB", 10.0).row()[-2:] == ("< 10 MB", "NO")


def test_the_benchmarks_of_the_sensor_measure_it(monkeypatch):
    """Small ones: that everything is dispatched and counted, not how fast."""
    monkeypatch.setattr(sensor, "FRAMES", 300)
    monkeypatch.setattr(sensor, "ROUNDS", 1)
    monkeypatch.setattr(sensor, "SDK_FRAMES", 50)
    monkeypatch.setattr(sensor, "PACED", 150)
    rows = [*sensor.throughput(), *sensor.latency(), *(sensor.memory(600) or ())]
    assert [row.name for row in rows if row.name] == ["sensor", "latency", "memory"]
    assert rows[0].measured > 0 and rows[0].base > 0
    sdk, p50, p99 = rows[2], rows[3], rows[4]
    assert sdk.measured > 0 and 0 < p50.measured <= p99.measured


def test_the_firehose_sends_what_slack_sends():
    from slack_sdk.socket_mode.request import SocketModeRequest

    request = SocketModeRequest.from_dict(json.loads(firehose.text(7, "hello")))
    assert request.type == "events_api" and request.payload["event"]["text"] == "hello"
    assert len({firehose.text(number, "x") for number in range(3000)}) == 3000


def test_an_unknown_benchmark_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        bench_main.main(["fast"])
    assert ended.value.code == 2 and "no such benchmark: fast" in capsys.readouterr().err
