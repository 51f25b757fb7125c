"""Actions of StackStorm's own that packs and workflows rely on."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.stackstorm import rendering
from sandbox.stackstorm.metadata import PYTHON_RUNNER
from sandbox.stackstorm.server.aliases import AliasRegistry
from sandbox.stackstorm.server.api_error import ApiError
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.registry import ASK, INQUIRER, Entry, Registry, make_action

Json = Dict[str, Any]

WELL: Json = {"failed": False, "succeeded": True, "return_code": 0}
DEFAULT_FORMAT = """Action {{ execution.action.ref }} ended: {{ execution.status }}.
execution: {{ execution.id }}
{% if execution.elapsed_seconds %}took {{ execution.elapsed_seconds | to_human_time_from_seconds }}
{% endif %}{% if execution.result %}result: {{ execution.result | to_json_string }}{% endif %}"""


def add(registry: Registry, engine: Engine, book: AliasRegistry) -> None:
    """Register them."""
    registry.add(Entry(make_action("core.ask", ASK, runner_type=INQUIRER)))
    registry.add(Entry(make_action("core.noop", runner_type="noop"), run=lambda: dict(WELL)))
    message = {"message": {"type": "string", "required": True}}
    registry.add(Entry(make_action("core.echo", message, runner_type="local-shell-cmd"), run=_echo))

    def format_result(execution_id: str) -> Json:
        return formatted(engine, book, execution_id)

    parameters = {"execution_id": {"type": "string", "required": True}}
    action = make_action("chatops.format_execution_result", parameters, runner_type=PYTHON_RUNNER)
    registry.add(Entry(action, run=format_result))


def _echo(message: str) -> Json:
    return {**WELL, "stdout": message, "stderr": ""}


def formatted(engine: Engine, book: AliasRegistry, execution_id: str) -> Json:
    """`enabled`, `message` and `extra`: how the alias of an execution wants its result told."""
    execution = engine.get(execution_id).document()
    context: Json = {"execution": execution}
    settings: Json = {}
    alias_id = (execution["context"].get("action_alias_ref") or {}).get("id")
    if alias_id:
        alias = _alias(book, alias_id)
        context["alias"] = alias
        settings = alias.get("result") or {}
    found: Json = {"enabled": settings.get("enabled", True)}
    template = DEFAULT_FORMAT
    if found["enabled"]:
        template = settings.get("format", template)
        if "extra" in settings:
            found["extra"] = rendering.render(settings["extra"], context)
    found["message"] = rendering.render(template, context, lenient=True)
    return found


def _alias(book: AliasRegistry, alias_id: str) -> Json:
    try:
        return book.get(alias_id).document
    except ApiError:
        return {}
