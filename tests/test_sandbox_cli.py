"""`python -m sandbox`: what people type, what they see, how it ends."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest
import requests
import yaml

from sandbox.cli import commands, serve
from sandbox.stackstorm import metadata

CANARY = "xoxb-canary-0123456789"

METADATA = f"""
name: echo
description: "Give back what it got. {"Long words, " * 20}the end. [x] :smile:"
runner_type: python-script
entry_point: echo.py
parameters:
  rare: {{type: string, position: 2, enum: [a, b], description: Seldom needed.}}
  text: {{type: string, position: 1, required: true}}
  token: {{type: string, position: 3, secret: true, default: {CANARY}}}
  fixed: {{type: string, position: 4, immutable: true, default: method}}
  blocks: {{type: array, position: 0, default: [1, true]}}
output_schema:
  type: object
  additionalProperties: true
  properties: {{made_up: {{type: string, secret: true}}}}
"""

ENTRY = """
import sys
from st2common.runners.base_action import Action

class Echo(Action):
    def run(self, text, token, **rest):
        print("token", token, "and", self.config.get("action_token"))
        print(text, file=sys.stderr)
        if text == "break":
            raise RuntimeError(token)
        result = {"text": text, "token": token, token: 1, "made_up": "made-up-secret",
                  "config": self.config}
        return (text != "fail", result)
"""


@pytest.fixture
def pack(tmp_path):
    root = tmp_path / "tiny"
    (root / "actions").mkdir(parents=True)
    (root / "pack.yaml").write_text("ref: tiny\n", encoding="utf-8")
    (root / "actions/echo.yaml").write_text(METADATA, encoding="utf-8")
    (root / "actions/echo.py").write_text(ENTRY, encoding="utf-8")
    (root / "actions/another.yaml").write_text(
        "name: another\nrunner_type: orquesta\nentry_point: a.yaml\ndescription: Other things.\n",
        encoding="utf-8",
    )
    (root / "my.yaml").write_text("action_token: xoxb-of-the-config\nname: n\n", encoding="utf-8")
    return root


@pytest.fixture
def call(pack, capsys):
    """main() on the tiny pack: (exit code, stdout, stderr)."""

    def call(command, *words):
        code = commands.main([command, *words, "--pack-dir", str(pack)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def run(call, pack, *words):
    return call("run", "tiny.echo", *words, "--config", str(pack / "my.yaml"))


def test_run_shows_an_execution(call, pack):
    code, out, err = run(call, pack, "text=Grüße 🎉", "blocks=[2]")
    assert (code, err) == (0, "")
    shown = yaml.safe_load(out)
    assert list(shown) == ["action.ref", "parameters", "status", "seconds", "result"]
    assert shown["action.ref"] == "tiny.echo"
    assert shown["parameters"] == {"text": "Grüße 🎉", "blocks": [2]}
    assert shown["status"] == "succeeded"
    assert shown["result"]["result"]["text"] == "Grüße 🎉"
    assert shown["result"]["stderr"] == "Grüße 🎉\n"
    assert "🎉" in out


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("fine", 0, "succeeded"),
        ("fail", 1, "failed"),
        ("break", 1, "failed"),
    ],
)
def test_exit_codes_of_run(call, pack, text, code, status):
    got, out, _ = run(call, pack, f"text={text}", "--json")
    assert (got, json.loads(out)["status"]) == (code, status)


@pytest.mark.parametrize("text", ["fine", "fail", "break"])
@pytest.mark.parametrize("option", ["--json", "--tail"])
def test_no_secret_is_shown(call, pack, text, option):
    _, out, err = run(call, pack, f"text={text}", "token=given-by-hand-1", option)
    assert not re.search("given-by-hand|xoxb-of-the-config|made-up-secret", out + err)
    assert "********" in out


def test_tail_shows_lines_on_stderr(call, pack):
    _, out, err = run(call, pack, "text=hello", "--tail")
    assert "stderr: hello\n" in err and "stdout: token ******** and ********\n" in err
    assert "status: succeeded" in out


def test_wrong_usage_is_told_all_at_once(call, pack):
    (pack / "my.yaml").write_text("action_token: '{{ st2kv.system.t }}'\n", encoding="utf-8")
    code, out, err = run(call, pack, "txt=a", "blocks=true", f"fixed={CANARY}", "stray")
    assert (code, out) == (2, "")
    named = [line.split(":")[1].strip() for line in err.splitlines()]
    assert named == ["blocks", "word 4", "txt", "fixed", "text", "action_token"]
    assert "did you mean text" in err and CANARY not in err


def test_datastore_values_for_the_config(call, pack):
    (pack / "my.yaml").write_text("action_token: '{{ st2kv.system.t }}'\n", encoding="utf-8")
    code, out, _ = run(call, pack, "text=a", "--kv", f"t={CANARY}", "--json")
    assert code == 0 and CANARY not in out
    code, _, err = run(call, pack, "text=a", "--kv", CANARY)
    assert code == 2 and "--kv: must be name=value" in err and CANARY not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "tiny.ecko", "text=a"], "did you mean tiny.echo"),
        (["run", "tiny.another"], "StackStorm's orquesta"),
        (["run", "tiny.echo", "text=a", "--config", "/none.yaml"], "cannot be read"),
        (["get", "echo"], "no such action"),
    ],
)
def test_other_wrong_usage(call, words, said):
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("ERROR: ") and said in err


@pytest.mark.parametrize("argv", [[], [CANARY], ["run"], ["list", "--nothing"]])
def test_wrong_commands_and_options(argv, capsys):
    try:
        code = commands.main(argv)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert code == 2
    assert "usage: python -m sandbox" in out + err and CANARY not in out + err


def test_help_names_every_command(capsys):
    assert commands.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in commands.COMMANDS)


def test_a_new_command_is_one_line(monkeypatch, capsys):
    command = commands.Command("do more", lambda parser: parser.add_argument("--x"), lambda args: 7)
    monkeypatch.setitem(commands.COMMANDS, "more", command)
    assert commands.main(["more", "--x", "1"]) == 7
    commands.main(["help"])
    assert "  more     do more" in capsys.readouterr().out


def test_options_may_stand_anywhere(call, pack):
    code, out, _ = call("run", "--json", "tiny.echo", "--config", str(pack / "my.yaml"), "text=a")
    assert code == 0 and json.loads(out)["parameters"] == {"text": "a"}


def test_list(call):
    code, out, _ = call("list")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in out.splitlines()
        if line.startswith("| ")
    ]
    assert code == 0
    assert rows[0] == ["ref", "pack", "description"]
    assert [row[:2] for row in rows[1:]] == [["tiny.another", "tiny"], ["tiny.echo", "tiny"]]
    # Whole, on one line, and neither markup nor emoji codes are touched.
    assert rows[2][2].endswith("the end. [x] :smile:")


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        (["other"], ["tiny.another"]),
        (["ECHO", "words"], ["tiny.echo"]),
        (["echo", "other"], []),
        (["--pack", "tiny"], ["tiny.another", "tiny.echo"]),
        (["-p", "slack"], []),
    ],
)
def test_list_of_some(call, words, refs):
    assert [row["ref"] for row in json.loads(call("list", *words, "--json")[1])] == refs
    assert ("No matching items found" in call("list", *words)[1]) is (not refs)


def test_get(call):
    code, out, _ = call("get", "tiny.echo")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in out.splitlines()
        if line.startswith("| ")
    ]
    assert code == 0
    assert out.startswith("ref: tiny.echo\npack: tiny\nname: echo\ndescription: Give back")
    assert rows == [
        ["parameter", "type", "required", "default", "secret", "description"],
        ["text", "string", "yes", "", "", ""],
        ["blocks", "array", "", "[1, true]", "", ""],
        ["rare", "string", "", "", "", "Seldom needed. One of: a, b."],
        ["token", "string", "", "********", "yes", ""],
        ["fixed", "string", "fixed", "method", "", ""],
    ]


def test_get_as_json(call):
    shown = json.loads(call("get", "tiny.echo", "--json")[1])
    assert list(shown["parameters"]) == ["text", "blocks", "rare", "token", "fixed"]
    assert shown["parameters"]["token"]["default"] == "********"
    assert (shown["ref"], shown["runner_type"], shown["entry_point"]) == (
        "tiny.echo",
        "python-script",
        "echo.py",
    )


def shell(*words, **options):
    """The command as a process. The parent's PYTHONPATH may lead to a real StackStorm."""
    env = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *words],
        cwd=str(metadata.PACK),
        env=env,
        capture_output=True,
        check=False,
        timeout=120,
        **options,
    )


def test_through_a_pipe_there_are_no_colours(pack):
    done = shell(
        "run",
        "tiny.echo",
        "text=a\x1b[31m",
        "--config",
        str(pack / "my.yaml"),
        "--pack-dir",
        str(pack),
        env={"TERM": "xterm-256color"},
    )
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout


def test_a_terminal_without_emoji(pack):
    done = shell(
        "run",
        "tiny.echo",
        "text=ü🎉",
        "--config",
        str(pack / "my.yaml"),
        "--pack-dir",
        str(pack),
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"status: succeeded" in done.stdout


def test_a_reader_that_has_enough(pack):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sandbox",
            "run",
            "tiny.echo",
            "text=" + "x" * 100_000,
            "--config",
            str(pack / "my.yaml"),
            "--pack-dir",
            str(pack),
        ],
        cwd=str(metadata.PACK),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    process.wait(60)


def test_run_without_config_has_a_slack_of_its_own():
    done = shell("run", "slack.api.test", "foo=bar", "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["status"]) == (0, "succeeded")
    assert shown["result"]["result"]["args"] == {"foo": "bar"}
    done = shell("run", "slack.api.test", "error=my_error", "--json")
    assert done.returncode == 1
    assert "my_error" in json.loads(done.stdout)["result"]["stderr"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_slack_that_stays(how):
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "slack", "--json"],
        cwd=str(metadata.PACK),
        stdout=subprocess.PIPE,
    )
    try:
        config = json.loads(process.stdout.readline())["config"]
        assert os.stat(config).st_mode & 0o777 == 0o600
        posted = shell(
            "run",
            "slack.chat.postMessage",
            "channel=general",
            "text=stays",
            "--json",
            "--config",
            config,
        )
        channel = json.loads(posted.stdout)["result"]["result"]["channel"]
        read = shell(
            "run",
            "slack.conversations.history",
            f"channel={channel}",
            "limit=1",
            "--json",
            "--config",
            config,
        )
        assert json.loads(read.stdout)["result"]["result"]["messages"][0]["text"] == "stays"
        process.send_signal(how)
        assert process.wait(60) == 0
        assert not os.path.exists(config)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "how, alone", [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGTERM, ("--alone",))]
)
def test_a_slack_with_a_page(how, alone):
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", "--json", *alone],
        cwd=str(metadata.PACK),
        stdout=subprocess.PIPE,
    )
    try:
        facts = json.loads(process.stdout.readline())
        assert sorted(facts) == ["api_url", "config", "page"]
        assert facts["page"] == facts["api_url"].replace("/api/", "/page")
        posted = shell(
            "run",
            "slack.chat.postMessage",
            "channel=general",
            "text=seen",
            "--config",
            facts["config"],
        )
        assert posted.returncode == 0
        with open(facts["config"], encoding="utf-8") as file:
            assert "im" in yaml.safe_load(file)["sensor"]["channel_types"]
        seen = requests.get(facts["page"] + "/state?channel=C0GENERAL01", timeout=60).json()
        assert seen["channel"]["messages"][-1]["text"] == "seen"
        process.send_signal(how)
        assert process.wait(60) == 0
        assert not os.path.exists(facts["config"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_port_that_is_taken_or_none(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert commands.main(["serve", "--port", str(port)]) == 2
    assert commands.main(["serve", "--port", "99999"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(re.match(r"ERROR: --port: .+: take another one$", each) for each in errors)


@pytest.mark.parametrize("words_of", [serve._next_steps, serve._next_steps_with_pack])
def test_serve_says_where_to_look(words_of):
    said = words_of({"page": "http://127.0.0.1:1/page", "config": "/a b.yaml"})
    assert said.splitlines()[0].endswith(": http://127.0.0.1:1/page")
    words = shlex.split(said.splitlines()[-1])
    assert words[-2:] == ["--config", "/a b.yaml"]
    if words_of is serve._next_steps:
        assert words[3] in commands.COMMANDS


def test_the_slack_that_stays_says_what_to_type():
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sandbox", "slack"],
        cwd=str(metadata.PACK),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert re.match(r"  python -m sandbox run slack\.\S+ --config \S+\.yaml$", lines[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(pack, how):
    (pack / "actions/echo.py").write_text(
        "import os, time\n"
        "class Echo:\n"
        "    def __init__(self, config, action_service):\n"
        "        pass\n"
        "    def run(self, **rest):\n"
        "        print(os.getpid(), flush=True)\n"
        "        time.sleep(600)\n",
        encoding="utf-8",
    )
    words = ["text=a", "--tail", "--config", str(pack / "my.yaml"), "--pack-dir", str(pack)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "tiny.echo", *words],
        cwd=str(metadata.PACK),
        stderr=subprocess.PIPE,
        text=True,
        # Whoever started the tests in the background handed down an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    with process.stderr:
        pid = int(process.stderr.readline().split()[1])
        process.send_signal(how)
        assert process.wait(60) == commands.INTERRUPTED
        assert process.stderr.read() == ""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "words",
    [
        ["slack.post_message", "message=Backup is done"],
        [
            "slack.post_attachment",
            'attachment={"color": "good", "title": "Backup", "text": "3 GB"}',
        ],
    ],
    ids=["a message", "an attachment"],
)
def test_a_webhook_is_there_without_a_config(words, capsys):
    assert commands.main(["run", *words, "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["status"] == "succeeded" and "loopbackappsecret" not in out
