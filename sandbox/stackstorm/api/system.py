"""The parts of the stand-in, put together. It lives on while the server is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, Optional

from ..metadata import PYTHON_RUNNER, pack_ref
from . import ready_made
from .alias_book import AliasBook
from .alias_executions import AliasExecutions
from .clock import Clock
from .engine import Engine
from .inquiries import Inquiries
from .live_parameters import LiveParameters
from .notifier import Notifier
from .policies import Policies
from .python_runner import Callables, PackActions
from .reactor import Reactor
from .records import Record
from .registry import INQUIRER, ORQUESTA, Registry
from .store import Store
from .tokens import SYSTEM_USER, Tokens
from .workflows import Workflows

Json = Dict[str, Any]


class System:
    """A StackStorm without its addresses."""

    def __init__(self, packs: Iterable[Path], configs: Dict[str, Json]) -> None:
        self.clock = Clock()
        self.store = Store(self.clock)
        self.tokens = Tokens()
        self.registry = Registry()
        self.engine = Engine(self.registry, Policies(), self.clock)
        self.aliases = AliasBook()
        self.alias_executions = AliasExecutions(self.engine, self.aliases, self.store)
        self.reactor = Reactor(self._request, self.engine.lock, self.clock)
        self.inquiries = Inquiries(self.engine, self.dispatch)
        self.live_parameters = LiveParameters(self.store)
        self.workflows = Workflows(self.engine, self.store, self.live_parameters)
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
        ready_made.add(self.registry, self.engine, self.aliases)
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
        return self.engine.request(ref, self.live_parameters(values, whole), whole)

    def _forget_tokens(self, record: Record) -> None:
        if record.completed:
            self.tokens.revoke_of(record.id)
