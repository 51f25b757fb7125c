"""FakeStackStorm: a StackStorm, as a test or a demo has it in its hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, TypeVar

from sandbox.stackstorm.metadata import PACK, PYTHON_RUNNER
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.container import Container
from sandbox.stackstorm.server.faults import Fault, Faults
from sandbox.stackstorm.server.http_server import RecordedRequest, Server
from sandbox.stackstorm.server.inquiries import InquiryAnswer
from sandbox.stackstorm.server.reactor import DispatchedTrigger
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import Entry, make_action
from sandbox.stackstorm.server.tokens import SYSTEM_USER

Json = Dict[str, Any]
T = TypeVar("T")

PATIENCE = 60.0
# Seconds after which a condition is looked at again though no execution has changed.
TICK = 0.05
PERSON = "st2admin"


class FakeStackStorm:
    """A StackStorm on 127.0.0.1. `with FakeStackStorm() as st2: ...`, or `start()` and `end()`.

    `packs`: folders of packs whose actions, workflows, aliases, rules and policies it has.
    `configs`: name of a pack → its config, as in its file. `port`: 0 for any free one; after
    `stop()` it starts again on the same, with all that was there. `in_thread`: a pack's Python
    actions run in this process, one at a time, instead of in one of their own. `webui`: where the
    web UI would be, for the `web_url` of an execution. `validate_output`: the setting of that name
    (validate_output_schema), which is off on a default install.
    """

    def __init__(
        self,
        packs: Iterable[Path] = (PACK,),
        configs: Optional[Dict[str, Json]] = None,
        port: int = 0,
        in_thread: bool = False,
        webui: Optional[str] = None,
        validate_output: bool = False,
    ) -> None:
        self.configs: Dict[str, Json] = configs if configs is not None else {}
        self.system = Container(packs, self.configs)
        self.system.registry.in_thread = in_thread
        self.system.engine.webui = webui
        self.system.engine.validate_output = validate_output
        self.token = self.system.tokens.issue(PERSON)
        self.sensor_token = self.system.tokens.issue(SYSTEM_USER)
        self._faults = Faults()
        self._server = Server(self.system, self._faults, port)

    # The server

    @property
    def url(self) -> str:
        """The root, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def api_url(self) -> str:
        """What clients are given as `api_url`."""
        return f"{self.url}/v1"

    @property
    def requests(self) -> List[RecordedRequest]:
        """Every request that was read."""
        return self._server.requests

    def start(self) -> FakeStackStorm:
        """Listen; returns once connections are accepted."""
        self._server.start()
        self.system.pack_actions.api_url = self.api_url
        self.system.workflows.api_url = self.api_url
        return self

    def stop(self) -> None:
        """Accept nothing more; executions go on. A second call does nothing."""
        self._server.stop()

    def end(self) -> None:
        """Stop for good: what still runs is not heard any more, and no process is left."""
        self.stop()
        self.system.engine.end()
        self.system.pack_actions.end()

    def __enter__(self) -> FakeStackStorm:
        return self.start()

    def __exit__(self, *exc_info: Any) -> None:
        self.end()

    def client(self, token: Optional[str] = None) -> Any:
        """StackStorm's own client for this API, with the token of a person unless one is given.

        It keeps the token in the environment too (ST2_AUTH_TOKEN), as it always does.
        """
        from st2client.client import Client

        return Client(api_url=self.api_url, token=token or self.token)

    # What is there

    def action(
        self,
        ref: str,
        run: Callable[..., Any],
        parameters: Optional[Json] = None,
        *,
        output_schema: Optional[Json] = None,
        notify: Optional[Json] = None,
        runner_type: str = PYTHON_RUNNER,
        enabled: bool = True,
    ) -> None:
        """An action that calls `run(**parameters)`; `parameters`: name → schema."""
        action = make_action(
            ref,
            parameters,
            runner_type=runner_type,
            enabled=enabled,
            output_schema=output_schema or {},
        )
        self.system.registry.add(Entry(action, run=run, notify=notify or {}))

    def workflow(
        self, ref: str, definition: Any, parameters: Optional[Json] = None, **rest: Any
    ) -> None:
        """An Orquesta workflow; `definition`: its document, as YAML or read."""
        self.system.workflows.define(ref, definition, parameters, **rest)

    def pack(self, folder: Path) -> None:
        """A pack: its actions, workflows, aliases, rules and policies."""
        self.system.add_pack(folder)

    def alias(self, **document: Any) -> Json:
        """An alias, as its file has it; the document that the API shows."""
        return self.system.aliases.add(document).document

    def rule(self, **document: Any) -> None:
        """A rule, as its file has it."""
        self.system.reactor.add(document)

    def enable_rule(self, ref: str, enabled: bool = True) -> None:
        """Switch a rule on, or off."""
        self.system.reactor.enable(ref, enabled)

    def policy(self, **document: Any) -> None:
        """A policy, as its file has it."""
        self.system.engine.policies.add(document)

    # What happens

    def run(
        self,
        ref: str,
        parameters: Optional[Json] = None,
        *,
        user: str = PERSON,
        notify: Optional[Json] = None,
        context: Optional[Json] = None,
    ) -> str:
        """RecordedRequest an execution, as `st2 run` does; its ID."""
        whole = {**(context or {}), "user": user}
        return self.system.engine.request(ref, parameters or {}, whole, notify=notify).id

    def execution(self, execution_id: str, secrets: bool = True) -> Json:
        """An execution as it is now."""
        with self.system.engine.lock:
            return self.system.engine.get(execution_id).document(secrets)

    def executions(self, ref: Optional[str] = None) -> List[Json]:
        """All of them, or those of one action, in the order of their requests."""
        with self.system.engine.lock:
            records = list(self.system.engine.records.values())
            return [each.document(True) for each in records if ref in (None, each.ref)]

    def dispatch(self, trigger: str, payload: Json) -> DispatchedTrigger:
        """Fire a trigger, as a sensor does."""
        triggers: DispatchedTrigger = self.system.dispatch(trigger, payload)
        return triggers

    def dispatched(self, trigger: str) -> List[Json]:
        """The payloads with which it was fired."""
        triggers = list(self.system.reactor.dispatched)
        return [each.payload for each in triggers if each.trigger == trigger]

    @property
    def rule_failures(self) -> List[Tuple[str, str]]:
        """Rules that were set off in vain, each with why its action was refused."""
        return self.system.reactor.failures

    def tick(self, rule: str) -> None:
        """The timer of a rule fires."""
        self.system.reactor.tick(rule)

    def wait_for(self, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """What the condition gives once that is true; AssertionError when it takes too long."""
        engine, waited = self.system.engine, 0.0
        while True:
            changes = engine.changes
            value = condition()  # without the lock: it may ask the API
            if value:
                return value
            assert waited < seconds, "waited in vain; executions: %s" % self._summary()
            if not engine.wait_for_change(changes, TICK):
                waited += TICK

    def wait_for_status(self, execution_id: str, *statuses_wanted: str) -> Json:
        """The execution, once it has one of these states."""

        def there() -> Json:
            execution = self.execution(execution_id)
            return execution if execution["status"] in statuses_wanted else {}

        return self.wait_for(there)

    def ended(self, execution_id: str) -> Json:
        """The execution, once it has ended."""
        return self.wait_for_status(execution_id, *statuses.COMPLETED)

    def _summary(self) -> List[str]:
        records: List[Record] = list(self.system.engine.records.values())
        return ["%s %s %s" % (each.id, each.ref, each.status) for each in records]

    # Inquiries

    @property
    def answers(self) -> List[InquiryAnswer]:
        """Every answer that was taken, in their order."""
        return self.system.inquiries.answers

    @property
    def answer_window(self) -> float:
        """Seconds in which a second answer is taken too."""
        return self.system.inquiries.window

    @answer_window.setter
    def answer_window(self, seconds: float) -> None:
        self.system.inquiries.window = seconds

    def two_answers_hang(self, hang: bool) -> None:
        """Whether two answers at once leave the workflow `running`, as they mostly do."""
        self.system.inquiries.hangs = hang

    def settle(self, inquiry_id: str) -> None:
        """End the window of an inquiry at once."""
        self.system.inquiries.settle(inquiry_id)

    def purge_inquiries(self, minutes: float = 0.0) -> List[str]:
        """The garbage collector, `minutes` from now: IDs of those that it ended."""
        self.system.clock.ahead += minutes * 60
        return self.system.inquiries.purge()

    # What goes wrong

    def fault(self, where: str, **what: Any) -> Fault:
        """See faults.py: `st2.fault("PUT /v1/inquiries", status=503)`."""
        return self._faults.add(Fault(where, **what))

    def heal(self) -> None:
        """Nothing goes wrong from now on."""
        self._faults.clear()

    def kill_runner(self, execution_id: str) -> None:
        """SIGKILL for what runs an execution: it stays `running` until somebody cancels it.

        The action itself goes on, as it does on a StackStorm; nobody hears what comes of it.
        """
        self.system.engine.kill_runner(execution_id)

    def terminate_runner(self, execution_id: str) -> None:
        """SIGTERM for what runs an execution: it is `abandoned`."""
        self.system.engine.kill_runner(execution_id, abandon=True)

    @property
    def running_processes(self) -> List[str]:
        """The executions that have a process."""
        return self.system.pack_actions.running

    def revoke(self, token: str) -> None:
        """From now on that token is answered with 401."""
        self.system.tokens.revoke(token)
