"""Runs one action in this process: the counterpart of StackStorm's wrapper for Python actions.

Started as a file, standard library only: nothing of the sandbox may be importable for the action.
Reads one JSON object from stdin::

    {"pack": text, "file": path of the entry file, "config": {}, "parameters": {},
     "log_level": text, "datastore": path or null, "delimiter": text}

and writes, beside what the action prints, one line to stdout: delimiter, {"status": true, false
or null, "result": any JSON}, delimiter. Exit code: 0; 1 after an exception (traceback on stderr);
220 for a result tuple whose first item is neither true nor false, as in StackStorm.
"""

import sys

# Before any other import: this folder is none of the action's.
if sys.path and sys.path[0] == __file__.rpartition("/")[0]:
    del sys.path[0]

import contextlib  # noqa: E402
import dataclasses  # noqa: E402
import datetime  # noqa: E402
import enum  # noqa: E402
import importlib  # noqa: E402
import importlib.util  # noqa: E402
import inspect  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import sysconfig  # noqa: E402
import uuid  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import Any, Dict, List, Optional, Tuple  # noqa: E402

NO_STATUS = 220
INTEGERS = range(-(2**63), 2**64)


def load(path: str) -> ModuleType:
    """The entry file as a module that `sys.modules` does not know; its folder goes last."""
    folder = os.path.dirname(os.path.realpath(path))
    if folder not in sys.path:
        sys.path.append(folder)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def action_class(module: ModuleType, path: str) -> Any:
    """The one class of the file that can `run`. What StackStorm would trip over is said."""
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__
    ]
    able = [found for found in classes if _can_run(found)]
    for found in classes:
        if found not in able:
            print(
                f"{path}: class {found.__name__} has no run(): StackStorm prints a traceback "
                "for it on every execution. It belongs into actions/lib.",
                file=sys.stderr,
            )
    if len(able) != 1:
        names = ", ".join(found.__name__ for found in able) or "none"
        raise TypeError(f"{path} must have exactly one class with run(), it has: {names}")
    return able[0]


def _can_run(found: type) -> bool:
    method = getattr(found, "run", None)
    return inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False)


def prepare_stackstorm() -> None:
    """Where the action's base class is the real one: it tells faults with StackStorm's options."""
    if "st2common.runners.utils" not in sys.modules:  # the stub has no such module
        return
    with contextlib.suppress(Exception):
        importlib.import_module("st2common.config").parse_args(args=[])


def action_service(order: Dict[str, Any], class_name: str) -> Any:
    """The action service: of StackStorm's API where there is one, else of a file or memory."""
    if os.environ.get("ST2_ACTION_API_URL"):
        return _file("remote_service").ActionService(order["pack"], class_name, order["log_level"])
    module = _file("../datastore")
    store = module.Path(order["datastore"]) if order["datastore"] else None
    return module.ActionService(order["pack"], class_name, order["log_level"], store)


def _file(name: str) -> Any:
    """A file beside this one, loaded by its path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("_sandbox_" + os.path.basename(name), path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(returned: Any) -> Tuple[Optional[bool], Any]:
    """(status, result): a pair says both, anything else is the result alone."""
    status, result = returned if _is_pair(returned) else (None, returned)
    if status is not None and not isinstance(status, bool):
        print(
            f"run() returned a pair that begins with {type(status).__name__}: the first of two "
            "must be True or False. Return (True, (a, b)), or a list.",
            file=sys.stderr,
        )
        sys.exit(NO_STATUS)
    return status, result


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, tuple) and len(returned) == 2


def jsonable(value: Any) -> Any:
    """The value as StackStorm's JSON encoder (orjson) takes it; str() of what it does not.

    UnicodeEncodeError for half a surrogate pair, which cannot be sent on in any form.
    """
    try:
        return _plain(value)
    except (TypeError, ValueError, RecursionError):
        return _text(str(value))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, (str, int, float)):
        return _scalar(value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {_text(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_plain(inner) for inner in value]
    return _rarer(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value not in INTEGERS:
        raise ValueError("an integer of more than 64 bits")
    return int(value)


def _rarer(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.name: _plain(getattr(value, f.name)) for f in fields}
    raise TypeError(f"{type(value).__name__} is not JSON")


def _text(value: str) -> str:
    value.encode("utf-8")
    return str(value)


def answer(delimiter: str, status: Optional[bool], result: Any) -> None:
    """The result to the runner, on a line of its own kind."""
    line = json.dumps({"status": status, "result": jsonable(result)})
    sys.stdout.flush()
    rest = memoryview(f"{delimiter}{line}{delimiter}\n".encode())
    while rest:  # unbuffered: one write may take a part only
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.flush()


def main(arguments: List[str]) -> None:
    """Read the order, run the action, answer."""
    order = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    # A pack's virtual environment wins over everything, as StackStorm has it.
    sys.path.insert(0, sysconfig.get_path("platlib"))
    found = action_class(load(order["file"]), order["file"])
    prepare_stackstorm()
    service = action_service(order, found.__name__)
    action = found(config=order["config"], action_service=service)
    status, result = outcome(action.run(**order["parameters"]))
    answer(order["delimiter"], status, result)


if __name__ == "__main__":
    main(sys.argv[1:])
