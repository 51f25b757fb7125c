"""The parts of the stand-in, put together. It lives on while the server is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, Optional

from ..datastore import Datastore
from ..metadata import PYTHON_RUNNER
from . import ready_made
from .alias_book import AliasBook
from .alias_executions import AliasExecutions
from .clock import Clock
from .engine import Engine
from .inquiries import Inquiries
from .notifier import Notifier
from .policies import Policies
from .python_runner import Callables, PackActions
from .reactor import Reactor
from .records import Record
from .registry import INQUIRER, ORQUESTA, Registry
from .tokens import SYSTEM_USER, Tokens
from .workflows import Workflows

Json = Dict[str, Any]


class System:
    """A StackStorm without its addresses."""

    def __init__(self, packs: Iterable[Path], configs: Dict[str, Json]) -> None:
        packs = list(packs)
        self.clock = Clock()
        self.store = Datastore("", clock=self.clock)
        self.tokens = Tokens()
        self.registry = Registry(packs)
        self.engine = Engine(self.registry, Policies(packs), self.clock)
        self.aliases = AliasBook(packs)
        self.alias_executions = AliasExecutions(self.engine, self.aliases, self.store)
        self.reactor = Reactor(packs, self._request, self.clock)
        self.inquiries = Inquiries(self.engine, self.dispatch)
        self.workflows = Workflows(self.engine, self.store)
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

    def dispatch(self, trigger: str, payload: Optional[Json] = None) -> Any:
        """Fire a trigger."""
        return self.reactor.dispatch(trigger, payload or {})

    def _request(self, ref: str, values: Json, context: Json) -> Record:
        return self.engine.request(ref, values, {"user": SYSTEM_USER, **context})

    def _forget_tokens(self, record: Record) -> None:
        if record.completed:
            self.tokens.revoke_of(record.id)
