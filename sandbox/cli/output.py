"""What the commands print: for people on a terminal, uncut and uncoloured through a pipe."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.stackstorm import masking
from sandbox.stackstorm.metadata import Action
from sandbox.stackstorm.runner.action_process import SUCCEEDED, Execution

# Wide enough for every table and line: a pipe has no edge where text would have to be cut.
_NO_EDGE = 100_000

# Beyond this size speed matters more than emoji, which libyaml writes as escapes.
_LARGE = 200_000


def _dumper(base: Any) -> Any:
    """A dumper that writes text of several lines as it is."""
    dumper_class: Any = type("Dumper", (base,), {})
    dumper_class.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    return dumper_class


_STATES = {"ok": "green", "warning": "yellow", "failed": "bold red"}  # of slack.check

_FINE = _dumper(yaml.SafeDumper)
_FAST = _dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper))


def be_lenient_about_encoding() -> None:
    """A terminal that knows no emoji shows escapes instead of ending in an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")


def execution_view(
    action: Action, parameters: Dict[str, Any], execution: Execution, scrub: masking.Scrubber
) -> Dict[str, Any]:
    """An execution as it may be shown: without secrets."""
    document = execution.document()
    document["result"] = masking.mask_result(document["result"], action.output_schema)
    return {
        "action.ref": action.ref,
        "parameters": scrub(parameters),
        "status": execution.status,
        "seconds": round(execution.seconds, 3),
        "result": scrub(document),
    }


def execution(view: Dict[str, Any], outcome: Execution, as_json: bool) -> None:
    """The execution as `st2 run` shows it, without the id that it has not."""
    if as_json:
        _json(view)
        return
    console = _console()
    for name, value in view.items():
        style = ("green" if outcome.status == SUCCEEDED else "red") if name == "status" else ""
        _line(console, name, _yaml(value), style)


def tail(scrub: masking.Scrubber) -> Callable[[str, str], None]:
    """For `on_line`: each line of the action to stderr, at once."""

    def on_line(stream: str, line: str) -> None:
        print(
            f"{stream}: {scrub(line)}",
            end="" if line.endswith("\n") else "\n",
            file=sys.stderr,
            flush=True,
        )

    return on_line


def actions(found: List[Action], as_json: bool) -> None:
    """Actions as `st2 action list` shows them."""
    rows = [{"ref": a.ref, "pack": a.pack, "description": a.description} for a in found]
    if as_json:
        _json(rows)
    elif not rows:
        print("No matching items found")
    else:
        _table(("ref", "pack", "description"), [tuple(row.values()) for row in rows])


def action(found: Action, as_json: bool) -> None:
    """One action as `st2 action get` shows it; parameters as its web form orders them."""
    ordered = dict(sorted(found.parameters.items(), key=_order))
    head = {
        "ref": found.ref,
        "pack": found.pack,
        "name": found.name,
        "description": found.description,
        "enabled": found.enabled,
        "entry_point": found.entry_point,
        "runner_type": found.runner_type,
    }
    if as_json:
        _json({**head, "parameters": {name: _described(s) for name, s in ordered.items()}})
        return
    for name, value in head.items():
        _line(_console(), name, f" {_plain(value)}")
    columns = ("parameter", "type", "required", "default", "secret", "description")
    _table(columns, [_row(name, found.schema[name]) for name in ordered])


def checks(result: Dict[str, Any], as_json: bool, console: Optional[Console] = None) -> None:
    """What slack.check found, and a line that sums up."""
    if as_json:
        _json(result)
        return
    console = console or _console()
    folded = console.is_terminal
    table = Table(box=box.SIMPLE_HEAD if folded else box.ASCII2)
    for column in ("what", "state", "what it means", "what to do"):
        # Room for the name of a key; the rest of a terminal's width is for what explains.
        most = 28 if folded and column == "what" else None
        table.add_column(column, overflow="fold", no_wrap=column == "state", max_width=most)
    for row in result["checks"]:
        what = f"{row['workspace']}: {row['what']}" if row["workspace"] else row["what"]
        state = Text(row["state"], _STATES[row["state"]])
        table.add_row(Text(what), state, Text(row["means"]), Text(row["to_do"]))
    console.print(table)
    summary = "All is well" if result["ok"] else "Not all is well"
    console.print(f"{summary}: {result['failed']} failed, {result['warnings']} with a warning")


def _order(item: Tuple[str, Dict[str, Any]]) -> Tuple[Any, ...]:
    """Required first, then by position, then by name."""
    name, schema = item
    position: Optional[float] = schema.get("position")
    return (not schema.get("required"), position is None, position or 0, name)


def _described(schema: Dict[str, Any]) -> Dict[str, Any]:
    secret = schema.get("secret") and schema.get("default") is not None
    return {**schema, "default": masking.MASK} if secret else schema


def _row(name: str, schema: Dict[str, Any]) -> Tuple[str, ...]:
    schema = _described(schema)
    default, description = schema.get("default"), str(schema.get("description") or "")
    if schema.get("enum"):
        choices = ", ".join(_plain(choice) for choice in schema["enum"])
        description = f"{description} One of: {choices}.".strip()
    return (
        name,
        schema["type"],
        "fixed" if schema.get("immutable") else "yes" if schema.get("required") else "",
        "" if default is None else _plain(default),
        "yes" if schema.get("secret") else "",
        description,
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _console() -> Console:
    # `sys.stdout` of now: it may have been replaced since the import.
    piped = not sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        width=_NO_EDGE if piped else None,
    )


def _line(console: Console, name: str, text: str, style: str = "") -> None:
    if console.is_terminal:
        console.print(Text.assemble((f"{name}:", "blue"), (text, style)), soft_wrap=True)
    else:
        print(f"{name}:{text}")  # rich would take seconds for megabytes


def _table(columns: Iterable[str], rows: Iterable[Tuple[str, ...]]) -> None:
    console = _console()
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.ASCII2)
    for column in columns:
        # Names must stay whole to be typed again; descriptions may be folded.
        table.add_column(column, overflow="fold", no_wrap=column in ("ref", "parameter"))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _yaml(value: Any) -> str:
    """A value behind its name, as YAML: nested ones on lines of their own."""
    dumper = _FINE if len(json.dumps(value)) < _LARGE else _FAST
    text: str = yaml.dump(
        value,
        Dumper=dumper,
        allow_unicode=True,
        sort_keys=False,
        width=_NO_EDGE,
        default_flow_style=False,
    )
    text = text[:-5] if text.endswith("\n...\n") else text.rstrip("\n")
    if not isinstance(value, (dict, list)) or not value:
        return f" {text}"
    return "\n" + "\n".join(f"  {line}" for line in text.split("\n"))


def _json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
