"""The parts of the fake StackStorm, wired together; they outlive a stopped server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, Optional

from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.metadata import PYTHON_RUNNER, pack_ref
from sandbox.stackstorm.server import builtin_actions
from sandbox.stackstorm.server.alias_executions import AliasExecutions
from sandbox.stackstorm.server.aliases import AliasRegistry
from sandbox.stackstorm.server.clock import Clock
from sandbox.stackstorm.server.engine import Engine
from sandbox.stackstorm.server.inquiries import Inquiries
from sandbox.stackstorm.server.notifier import Notifier
from sandbox.stackstorm.server.policies import Policies
from sandbox.stackstorm.server.python_runner import Callables, PackActions
from sandbox.stackstorm.server.reactor import Reactor
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import INQUIRER, ORQUESTA, Registry
from sandbox.stackstorm.server.rendered_parameters import ParameterRenderer
from sandbox.stackstorm.server.tokens import SYSTEM_USER, Tokens
from sandbox.stackstorm.server.workflows import Workflows

Json = Dict[str, Any]


class Container:
    """A StackStorm without its addresses."""

    def __init__(self, packs: Iterable[Path], configs: Dict[str, Json]) -> None:
        self.clock = Clock()
        self.store = Datastore("", clock=self.clock)
        self.tokens = Tokens()
        self.registry = Registry()
        self.engine = Engine(self.registry, Policies(), self.clock)
        self.aliases = AliasRegistry()
        self.alias_executions = AliasExecutions(self.engine, self.aliases, self.store)
        self.reactor = Reactor(self._request, self.engine.lock, self.clock)
        self.inquiries = Inquiries(self.engine, self.dispatch)
        self.parameter_renderer = ParameterRenderer(self.store)
        self.workflows = Workflows(self.engine, self.store, self.parameter_renderer)
        self.pack_actions = PackActions(self.engine, configs, self.store, self.tokens)
        self.inquiries.resume = self.workflows.wake
        self.engine.runners = {
            "callable": Callables(self.engine),
            PYTHON_RUNNER: self.pack_actions,
            INQUIRER: self.inquiries,
            ORQUESTA: self.workflows,
        }
        notifier = Notifier(self.store, self.dispatch)
        self.engine.on_change += [self._forget_tokens, notifier.on_change, self.workflows.on_change]
        builtin_actions.add(self.registry, self.engine, self.aliases)
        for folder in packs:
            self.add_pack(folder)

    def add_pack(self, folder: Path) -> None:
        """All that a pack has."""
        self.registry.packs.append(folder)
        self.engine.policies.register(folder)
        self.aliases.register(folder / "aliases", pack_ref(folder))
        self.reactor.register(folder)

    def dispatch(self, trigger: str, payload: Optional[Json] = None) -> Any:
        """Fire a trigger."""
        return self.reactor.dispatch(trigger, payload or {})

    def _request(self, ref: str, values: Json, context: Json) -> Record:
        whole = {"user": SYSTEM_USER, **context}
        return self.engine.request(ref, self.parameter_renderer(values, whole), whole)

    def _forget_tokens(self, record: Record) -> None:
        if record.completed:
            self.tokens.revoke_of(record.id)
