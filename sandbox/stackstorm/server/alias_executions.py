"""A command of chat → an execution, as POST /v1/aliasexecution does it."""

from __future__ import annotations

from typing import Any, Dict

from sandbox.stackstorm import coercion, rendering
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.server.aliases import Alias, AliasRegistry
from sandbox.stackstorm.server.api_error import bad_request
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.registry import Entry
from sandbox.stackstorm.server.tokens import Caller

Json = Dict[str, Any]


class AliasExecutions:
    """What turns commands into executions."""

    def __init__(self, engine: Engine, book: AliasRegistry, store: Datastore) -> None:
        self._engine = engine
        self._book = book
        self._store = store

    def execute(self, body: Json, caller: Caller) -> Json:
        """`execution`, `actionalias`, and the acknowledgement's `message` and `extra`; ApiError.

        `body`: name, format, command, user, source_channel, source_context,
        notification_channel, notification_route.
        """
        if not body.get("name"):
            raise bad_request('Alias execution "name" is required')
        alias = self._book.by_name(body["name"])
        if not alias.enabled:
            raise bad_request(f'Action alias with name "{alias.name}" is disabled.')
        values = alias.parameters(body.get("format") or "", body.get("command") or "")
        context = {
            "action_alias_ref": {"id": alias.document["id"], "name": alias.name},
            "api_user": body.get("user"),
            "user": caller.user,
            "source_channel": body.get("source_channel"),
        }
        values = {**values, **self._immutable(alias, values, context)}
        entry = self._engine.registry.get(alias.document["action_ref"])
        record = self._engine.request(
            entry.ref, lists_of(entry, values), context, notify=notification(body)
        )
        answer = {"execution": record.document(), "actionalias": alias.document}
        return {**answer, **acknowledgement(alias, answer)}

    def match_and_execute(self, body: Json, caller: Caller) -> Json:
        """Both at once; `source_context` is refused, as it is not in StackStorm's schema."""
        if "source_context" in body:
            raise bad_request(
                "Additional properties are not allowed ('source_context' was unexpected)"
            )
        alias, found = self._book.match(str(body.get("command")))
        whole = {**body, "name": alias.name, "format": found.representation}
        return {"results": [self.execute(whole, caller)]}

    def _immutable(self, alias: Alias, values: Json, context: Json) -> Json:
        fixed: Json = alias.document["immutable_parameters"]
        overridden = [name for name in fixed if name in values]
        if overridden:
            raise bad_request(
                "Immutable arguments cannot be overriden: {}".format(",".join(overridden))
            )
        whole = {**rendering.datastore(self._store), **context}
        rendered: Json = rendering.render(fixed, whole)
        return rendered


def lists_of(entry: Entry, values: Json) -> Json:
    """Text for an array is split at commas: only commands may be written so."""
    arrays = [name for name, schema in entry.schema.items() if schema.get("type") == "array"]
    return {
        name: [piece.strip() for piece in value.split(",")]
        if name in arrays and isinstance(value, str) and value != coercion.NONE
        else value
        for name, value in values.items()
    }


def notification(body: Json) -> Json:
    """Where the result is told, and with what."""
    route = body.get("notification_route") or body.get("notification_channel")
    data = {key: body.get(key) for key in ("user", "source_channel", "source_context")}
    return {"on_complete": {"routes": [route] if route else [], "data": data}}


def acknowledgement(alias: Alias, answer: Json) -> Json:
    """`message` and `extra`, as far as the alias has them."""
    ack, found = alias.document["ack"], {}
    for key, name in (("format", "message"), ("extra", "extra")):
        if key in ack:
            try:
                found[name] = rendering.render(ack[key], answer)
            except rendering.UndefinedError as error:
                found[name] = f'Cannot render "{key}" in field "ack" for alias. {error}'
    return found
