"""One execution of an action: a process of its own, the import path of a default install."""

import dataclasses
import datetime
import enum
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from helpers import NEEDS_STACKSTORM

from sandbox.stackstorm import metadata, package_path
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.runner import action_process, wrapper
from sandbox.stackstorm.validation_errors import ActionNotFound, NotRunnable, ValidationErrors

ENTRY = """
from st2common.runners.base_action import Action

class Echo(Action):
    def run(self, **kwargs):
        return kwargs
"""


class Pack:
    """A throw-away pack: `add` gives it an action whose run() has this body."""

    def __init__(self, root):
        self.root = root
        (root / "actions" / "lib").mkdir(parents=True)
        (root / "pack.yaml").write_text("ref: tiny\nname: tiny pack\n", encoding="utf-8")

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")
        # A file of the same size, written in the same second, would be taken from the cache.
        shutil.rmtree((self.root / name).parent / "__pycache__", ignore_errors=True)

    def add(self, name, body="return kwargs", parameters="{}", before="", more=""):
        lines = "\n".join(f"        {line}" for line in body.split("\n"))
        self.write(
            f"actions/{name}.py",
            "import os, sys, time\nfrom st2common.runners.base_action import Action\n"
            f"{before}\nclass Here(Action):\n    def run(self, **kwargs):\n{lines}\n",
        )
        self.write(
            f"actions/{name}.yaml",
            f"---\nname: {name}\nrunner_type: python-script\nentry_point: {name}.py\n"
            f"enabled: true\nparameters: {parameters}\n{more}\n",
        )

    def run(self, name, values=None, config=None, **options):
        return action_process.run_action(f"tiny.{name}", values, config, pack=self.root, **options)

    def result_of(self, body, **options):
        self.add("it", body, **options)
        return self.run("it")


@pytest.fixture
def pack(tmp_path):
    return Pack(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("body", "status", "result"),
    [
        ("return {'a': [1, None, True]}", "succeeded", {"a": [1, None, True]}),
        ("return (True, 'yes')", "succeeded", "yes"),
        ("return (False, {'why': 'no'})", "failed", {"why": "no"}),
        ("return (None, 5)", "succeeded", 5),
        ("return [True, 5]", "succeeded", [True, 5]),
        ("return (1, 2, 3)", "succeeded", [1, 2, 3]),
        ("return None", "succeeded", None),
        ("return (True, object)", "succeeded", "<class 'object'>"),
        ("return (True, {1: 2})", "succeeded", "{1: 2}"),
        ("return (True, 'Gr\\u00fc\\u00dfe \\U0001f389')", "succeeded", "Grüße 🎉"),
        ("return (True, 'half \\ud83c')", "failed", None),
        ("return (1, 'not a status')", "failed", None),
        ("return ('a', 'b')", "failed", None),
        ("raise RuntimeError('broken')", "failed", None),
        ("sys.exit(0)", "succeeded", None),
        ("sys.exit(3)", "failed", None),
        ("os.kill(os.getpid(), 9)", "failed", None),
    ],
)
def test_result(pack, body, status, result):
    execution = pack.result_of(body)
    assert (execution.status, execution.result) == (status, result)
    assert execution.succeeded is (status == "succeeded")


def test_an_exception_leaves_its_traceback(pack):
    execution = pack.result_of("print('before')\nraise RuntimeError('broken')")
    assert execution.exit_code == 1
    assert execution.stdout == "before\n"
    assert "Traceback" in execution.stderr and "RuntimeError: broken" in execution.stderr
    assert execution.document() == {
        "exit_code": 1,
        "result": "None",
        "stdout": "before\n",
        "stderr": execution.stderr,
    }


def test_a_pair_without_a_status_is_explained(pack):
    execution = pack.result_of("return ('a', 'b')")
    assert execution.exit_code == 220
    assert "must be True or False" in execution.stderr


def test_parameters_arrive_complete_and_cast(pack):
    pack.add(
        "it",
        "return {**kwargs, 'fixed_by': self.config['key']}",
        parameters="""
  number: {type: integer}
  left_out: {type: string}
  default: {type: array, default: [1]}
  fixed: {type: string, default: always, immutable: true}
  timeout: {default: 30}
""",
    )
    execution = pack.run("it", {"number": "5"}, {"key": "config"})
    assert execution.result == {
        "number": 5,
        "left_out": None,
        "default": [1],
        "fixed": "always",
        "fixed_by": "config",
    }


def test_mistakes_are_told_before_anything_runs(pack):
    pack.add("it", "raise AssertionError('ran')", parameters="{a: {type: integer}}")
    with pytest.raises(ValidationErrors) as caught:
        pack.run("it", {"a": "x", "b": 1})
    assert [mistake.name for mistake in caught.value.errors] == ["a", "b"]


def test_a_missing_config_key_names_pack_and_key(pack):
    execution = pack.result_of("return self.config['action_token']")
    assert execution.status == "failed"
    assert "ValueError" in execution.stderr
    assert '"tiny"' in execution.stderr and '"action_token"' in execution.stderr


def test_prints_do_not_disturb_the_result(pack):
    execution = pack.result_of(
        "print('no newline', end='')\nsys.stderr.write('e')\n"
        "import atexit\natexit.register(print, 'late')\nreturn 'r'"
    )
    assert (execution.result, execution.stderr) == ("r", "e")
    assert execution.stdout == "no newlinelate\n"


def test_bytes_that_are_no_text(pack):
    execution = pack.result_of("sys.stdout.buffer.write(b'\\xff\\n')\nreturn 1")
    assert (execution.stdout, execution.result) == ("\ufffd\n", 1)


def test_large_results_pass_and_too_large_ones_fail(pack):
    assert len(pack.result_of("return 'x' * 5_000_000").result) == 5_000_000
    execution = pack.result_of("return 'x' * 17_000_000")
    assert (execution.status, execution.result) == ("failed", None)
    assert "16 MB" in execution.error


def test_large_parameters_pass(pack):
    pack.add("it", "return len(kwargs['text'])", parameters="{text: {type: string}}")
    assert pack.run("it", {"text": "ü" * 500_000}).result == 500_000


def test_lines_arrive_while_the_action_runs(pack, tmp_path):
    signal = tmp_path / "go"
    pack.add(
        "it",
        f"print('first')\nprint('err', file=sys.stderr)\n"
        f"while not os.path.exists({str(signal)!r}):\n    time.sleep(0.01)\n"
        f"return 'done'",
    )
    seen, first = [], threading.Event()

    def on_line(stream, line):
        seen.append((stream, line))
        if line == "first\n":
            first.set()
            signal.touch()  # without this line the action would wait for ever

    execution = pack.run("it", on_line=on_line, timeout=60)
    assert first.is_set() and execution.result == "done"
    assert sorted(seen) == [("stderr", "err\n"), ("stdout", "first\n")]


def test_timeout_kills_the_action_and_its_children(pack, tmp_path):
    pid = tmp_path / "pid"
    pack.add(
        "it",
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pid)!r}, 'w').write(str(child.pid))\n"
        "print('so far', flush=True)\ntime.sleep(600)",
    )
    execution = pack.run("it", timeout=1.5)
    assert (execution.status, execution.exit_code, execution.result) == ("timeout", -9, None)
    assert execution.stdout == "so far\n"
    assert execution.document()["error"] == "The action did not end within 1.5 seconds"
    assert is_gone(int(pid.read_text()))


def is_gone(pid):
    for _ in range(500):
        try:
            state = (
                Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
            )
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_timeout_of_the_metadata_and_of_the_call(pack):
    pack.add("it", "time.sleep(600)", parameters="{timeout: {default: 1}}")
    assert pack.run("it").status == "timeout"
    pack.add("it", "time.sleep(600)")
    assert pack.run("it", {"timeout": 1}).status == "timeout"


def test_environment(pack, monkeypatch):
    monkeypatch.setenv("FROM_PARENT", "1")
    pack.add(
        "it",
        "return {k: os.environ.get(k) for k in ('A', 'FROM_PARENT', 'PYTHONPATH', "
        "'ST2_ACTION_PACK_NAME', 'ST2_ACTION_API_URL')}",
    )
    got = pack.run("it", {"env": {"A": "b", "PYTHONPATH": "/mine"}}).result
    assert (got["A"], got["FROM_PARENT"], got["ST2_ACTION_PACK_NAME"]) == ("b", "1", "tiny")
    assert "/mine" not in got["PYTHONPATH"]
    with pytest.raises(ValidationErrors, match="env.A: must be a string"):
        pack.run("it", {"env": {"A": 1}})


def test_nothing_secret_on_the_command_line(pack):
    pack.add(
        "it",
        "return open('/proc/self/cmdline').read()",
        parameters="{token: {type: string, secret: true}}",
    )
    shown = pack.run("it", {"token": "canary-1"}, {"action_token": "canary-2"}).result
    assert "wrapper.py" in shown and "canary" not in shown


def test_import_path_of_a_default_install(pack, monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(metadata.PACK), str(pack.root), "/other"])
    )
    pack.add("it", "return sys.path")
    order = pack.run("it").result
    assert order[-1] == str(pack.root / "actions")
    packages = action_process.import_path(metadata.load_action("tiny.it", pack.root))[0]
    stdlib = str(Path(os.__file__).parent)
    assert (
        order.index(packages)
        < order.index(str(pack.root / "actions/lib"))
        < order.index("/other")
        < order.index(stdlib)
    )
    assert not {str(metadata.PACK), str(pack.root), "", str(action_process.WRAPPER.parent)} & set(
        order
    )


def test_what_an_action_can_import(pack):
    pack.write("actions/lib/twice.py", "WHERE = 'lib'")
    pack.write("actions/twice.py", "WHERE = 'actions'")
    pack.write("actions/beside.py", "WHERE = 'actions'")
    pack.write("actions/lib/this.py", "WHERE = 'lib before stdlib'")
    body = (
        "import importlib.util as u\nimport beside, this, twice\n"
        "return [twice.WHERE, this.WHERE, beside.WHERE, 'it' in sys.modules, "
        "[n for n in ('sandbox', 'wrapper', 'datastore') if u.find_spec(n)]]"
    )
    assert pack.result_of(body).result == [
        "lib",
        "lib before stdlib",
        "actions",
        False,
        [],
    ]


def test_the_entry_file_is_checked(pack):
    pack.add("it", before="class Trouble(Exception):\n    pass\n")
    execution = pack.run("it")
    assert execution.succeeded and "class Trouble has no run()" in execution.stderr
    pack.add("it", before="class Another(Action):\n    def run(self):\n        pass\n")
    assert "it has: Another, Here" in pack.run("it").stderr
    pack.write("actions/it.py", "x = 1\n")
    assert "it has: none" in pack.run("it").stderr
    pack.write("actions/it.py", "x = (\n")
    execution = pack.run("it")
    assert execution.exit_code == 1 and "SyntaxError" in execution.stderr


def test_logger_and_log_level(pack):
    pack.add("it", "self.logger.debug('fine')\nself.logger.error('coarse')")
    assert "fine" in pack.run("it").stderr
    coarse = pack.run("it", {"log_level": "ERROR"}).stderr
    assert "coarse" in coarse and "fine" not in coarse


def test_datastore(pack, tmp_path):
    pack.add(
        "it",
        "service = self.action_service\nbefore = service.get_value('n')\n"
        "service.set_value('n', 5)\n"
        "service.datastore_service.set_value('whole', 'w', local=False)\n"
        "return [before, service.get_value('n'), "
        "[v.name for v in service.list_values(local=False)]]",
    )
    names = ["tiny.Here:n", "whole"]
    assert pack.run("it").result == [None, "5", names]
    store = tmp_path / "store.json"
    assert pack.run("it", datastore=store).result == [None, "5", names]
    assert pack.run("it", datastore=store).result == ["5", "5", names]
    assert store.stat().st_mode & 0o777 == 0o600


def test_datastore_forgets_in_time():
    now = [100.0]
    store = Datastore("tiny.Here", clock=lambda: now[0])
    store.set_value("a", "1", ttl=5)
    store.set_value("b", "2")
    assert [item.name for item in store.list_values(limit=1)] == ["tiny.Here:a"]
    now[0] = 106.0
    assert (store.get_value("a"), store.get_value("b")) == (None, "2")
    assert (store.delete_value("b"), store.delete_value("b")) == (True, False)
    with pytest.raises(ValueError, match="Scope"):
        store.get_value("a", scope="user")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("enabled: false", "is disabled"),
        ("runner_type: orquesta", "StackStorm's orquesta"),
    ],
)
def test_actions_that_do_not_run_here(pack, more, said):
    pack.add("it")
    text = (pack.root / "actions/it.yaml").read_text(encoding="utf-8")
    kept = [line for line in text.split("\n") if not line.startswith(more.split(":")[0])]
    pack.write("actions/it.yaml", "\n".join([*kept, more]))
    with pytest.raises(NotRunnable, match=said):
        pack.run("it")


def test_finding_actions(pack):
    pack.add("one")
    pack.write(
        "actions/other_file.yaml",
        "name: two.three  # elsewhere\nentry_point: one.py\n"
        "runner_type: python-script\nparameters: {}\n",
    )
    assert metadata.load_action("tiny.two.three", pack.root).path.name == "other_file.yaml"
    assert [a.ref for a in metadata.list_actions(pack.root)] == ["tiny.one", "tiny.two.three"]
    for ref in ("tiny.other_file", "one", "tiny.", "tiny.../pack", "other.one", ""):
        with pytest.raises(ActionNotFound):
            metadata.load_action(ref, pack.root)
    with pytest.raises(ActionNotFound, match="did you mean tiny.one"):
        metadata.load_action("tiny.onne", pack.root)


def test_one_action_of_many_is_one_file(pack, monkeypatch):
    for number in range(5):
        pack.add(f"a{number}")
    read = []
    real = metadata.load_yaml
    monkeypatch.setattr(metadata, "load_yaml", lambda file: read.append(file.name) or real(file))
    metadata.load_action("tiny.a3", pack.root)
    assert read == ["pack.yaml", "a3.yaml"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{description: x}", "needs one type of"),
        ("{type: [string, integer]}", "needs one type of"),
        ("{anyOf: [{type: string}]}", "needs one type of"),
    ],
)
def test_metadata_that_the_command_cannot_use(pack, schema, said):
    pack.add("it", parameters=f"{{p: {schema}}}")
    with pytest.raises(ValidationErrors, match=said):
        metadata.load_action("tiny.it", pack.root)


def test_runner_parameters_may_be_changed_in_part(pack):
    pack.add("it", parameters="{timeout: {default: 5, type: integer}, log_level: {default: INFO}}")
    schema = metadata.load_action("tiny.it", pack.root).schema
    assert schema["timeout"]["default"] == 5 and schema["log_level"]["enum"][0] == "AUDIT"
    pack.add("it", parameters="{timeout: {type: string}}")
    with pytest.raises(ValidationErrors, match="timeout: type belongs to the runner"):
        metadata.load_action("tiny.it", pack.root)


def test_a_missing_entry_file(pack):
    pack.add("it")
    (pack.root / "actions/it.py").unlink()
    with pytest.raises(ValidationErrors, match='entry_point "it.py" is no file'):
        pack.run("it")


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Color(enum.Enum):
    RED = "red"


JSON_SAMPLES = [
    None,
    True,
    5,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    1.5,
    float("nan"),
    "ü🎉",
    [],
    (1, 2),
    {"a": {"b": (1,)}},
    {1: 2},
    {"a": {1}},
    Point(1, 2.0),
    Color.RED,
    [Color.RED],
    datetime.date(2024, 1, 2),
    datetime.datetime(2024, 1, 2, 3, 4, 5),
    datetime.timedelta(1),
    uuid.UUID(int=1),
    b"bytes",
    object,
    {"a": object()},
    range(3),
    {"a": float("inf")},
]


# Numbers as IDs: those of objects differ from one process of pytest to the next.
@pytest.mark.parametrize("value", JSON_SAMPLES, ids=range(len(JSON_SAMPLES)))
def test_the_real_encoder_makes_the_same_of_results(value):
    orjson = pytest.importorskip("orjson", reason=NEEDS_STACKSTORM)
    try:
        want = json.loads(orjson.dumps(value))
    except TypeError:
        want = str(value)
    assert wrapper.jsonable(value) == want


def test_the_test_case_stand_in(tmp_path):
    script = (
        "import sys\n"
        "from sandbox.stackstorm import package_path\n"
        "package_path.add_stubs(); package_path.add_stubs()\n"
        "from st2common.runners.base_action import Action\n"
        "from st2tests.base import BaseActionTestCase\n"
        "class Here(Action):\n"
        "    def run(self):\n"
        "        self.action_service.set_value('a', 1)\n"
        "        return self.config['k'], str(self.action_service.get_value('a'))\n"
        "class HereTest(BaseActionTestCase):\n"
        "    action_cls = Here\n"
        "    def test(self):\n"
        "        assert self.get_action_instance({'k': 'v'}).run() == ('v', '1')\n"
        "        try:\n"
        "            self.get_action_instance().run()\n"
        "        except ValueError as error:\n"
        "            assert 'tests' in str(error) and '\"k\"' in str(error)\n"
        "        else:\n"
        "            raise AssertionError\n"
        "import unittest\n"
        "added = [each for each in sys.path if each.endswith('stubs')]\n"
        "assert len(added) == bool(package_path.missing()) and added in ([], sys.path[-1:])\n"
        "unittest.main(argv=['x'])\n"
    )
    env = {**os.environ, "PYTHONPATH": str(metadata.PACK)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        cwd=str(tmp_path),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_stand_ins_only_where_the_real_one_is_missing(monkeypatch, tmp_path):
    (tmp_path / "st2common").mkdir()
    (tmp_path / "st2common" / "__init__.py").write_text("", encoding="utf-8")
    for name in [n for n in sys.modules if n.split(".")[0] in package_path.NAMES]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(package_path.STUBS)])
    assert package_path.missing() == list(package_path.NAMES)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(package_path.STUBS)])
    assert package_path.missing() == [name for name in package_path.NAMES if name != "st2common"]
