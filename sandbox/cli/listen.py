"""`python -m sandbox listen`: the pack's real sensor, its triggers shown as they come.

The sensor file is loaded and driven as StackStorm's sensor wrapper does it; where StackStorm would
drop a payload, that is said. Without --config it listens to a Slack on loopback, in which a short
conversation takes place. What is secret in a payload (`response_url`) is masked.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import logging
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import jsonschema
import yaml
from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from sandbox.cli import loopback
from sandbox.stackstorm import config as configs
from sandbox.stackstorm import masking, package_path
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.metadata import load_yaml, pack_ref
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.service import SensorService
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class
from sandbox.stackstorm.validation_errors import ValidationError, ValidationErrors

CONNECTED_WITHIN = 20.0  # seconds until the conversation begins without a listener
# What the sensor on loopback listens to.
ON_LOOPBACK = {
    "events": ["reaction_added", "app_mention"],
    "channel_types": ["public_channel", "private_channel", "im", "mpim"],
    "allow_own_messages": True,
}


class DispatchedTrigger(NamedTuple):
    """A trigger as StackStorm would get it, secrets masked. `fault`: why it would be dropped."""

    trigger: str
    payload: Dict[str, Any]
    trace_tag: str
    fault: str = ""


class TriggerTypes:
    """The trigger types that a sensor's metadata declares."""

    def __init__(self, declared: List[Dict[str, Any]], pack: str) -> None:
        self._schemas = {
            "%s.%s" % (pack, each["name"]): each.get("payload_schema") or {} for each in declared
        }

    def check(self, trigger: str, payload: Any, trace_tag: str) -> DispatchedTrigger:
        """What becomes of a dispatch."""
        schema = self._schemas.get(trigger)
        if schema is None:
            return DispatchedTrigger(trigger, payload, trace_tag, "no trigger type of that name")
        error = next(jsonschema.Draft4Validator(schema).iter_errors(payload), None)
        masked = masking.mask(payload, schema)
        return DispatchedTrigger(trigger, masked, trace_tag, error.message if error else "")


class ListeningSensorService(SensorService):
    """A sensor service that shows what is dispatched, with what StackStorm would drop."""

    def __init__(
        self,
        types: TriggerTypes,
        show: Callable[[DispatchedTrigger], None],
        log: logging.Logger,
        datastore: Optional[Path] = None,
    ) -> None:
        self._types = types
        self._show = show
        self._lock = threading.Lock()  # the sensor dispatches from several threads
        # Without a schema nothing is dropped.
        store = Datastore("slack.SlackSensor", datastore)
        super().__init__(store, service_class(MessageBus(self._publish))(log), log)

    def _publish(self, trigger: str, payload: Any, trace_tag: Any) -> None:
        dispatched = self._types.check(trigger, payload or {}, trace_tag or "")
        with self._lock:
            self._show(dispatched)


def load_sensor(pack: Path) -> Any:
    """(class of the pack's sensor, its trigger types), loaded as StackStorm loads it."""
    found = sorted((pack / "sensors").glob("*.yaml"))
    if not found:
        raise ValidationErrors([ValidationError("sensors", "the pack has none")])
    metadata = load_yaml(found[0])
    package_path.add_stubs()
    entry = found[0].with_name(metadata["entry_point"])
    spec = importlib.util.spec_from_file_location(entry.stem, entry)
    if spec is None or spec.loader is None or not entry.is_file():
        raise ValidationErrors([ValidationError(found[0].name, "entry_point is no Python file")])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    types = TriggerTypes(metadata.get("trigger_types") or [], pack_ref(pack))
    return getattr(module, metadata["class_name"]), types


# --- showing --------------------------------------------------------------------------------------


def json_line(dispatched: DispatchedTrigger) -> None:
    """One trigger, one line."""
    print(json.dumps(dispatched._asdict(), ensure_ascii=False), flush=True)


def on_terminal(console: Console) -> Callable[[DispatchedTrigger], None]:
    """For people: which trigger, and of its payload what is not empty."""

    def show(dispatched: DispatchedTrigger) -> None:
        head = Text.assemble(
            ("● ", "green"), (dispatched.trigger, "bold"), ("  " + dispatched.trace_tag, "dim")
        )
        console.print(head)
        text = yaml.safe_dump(
            without_empty(dispatched.payload), allow_unicode=True, sort_keys=False, width=1000
        )
        code = Syntax(text.rstrip(), "yaml", background_color="default", word_wrap=True)
        console.print(Padding(code, (0, 2, 1, 4)))
        if dispatched.fault:
            console.print(Text("  StackStorm would drop it: " + dispatched.fault, style="red"))

    return show


def without_empty(value: Any) -> Any:
    """A copy without keys that hold nothing (null, "", [], {})."""
    if isinstance(value, dict):
        slim = {key: without_empty(inner) for key, inner in value.items()}
        return {key: inner for key, inner in slim.items() if inner not in (None, "", [], {})}
    return [without_empty(inner) for inner in value] if isinstance(value, list) else value


def _logger(scrub: masking.Scrubber) -> logging.Logger:
    """Lines of the sensor go to stderr, behind what is shown of triggers."""
    log = logging.getLogger("sandbox.listen")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.handlers[:] = [logging.StreamHandler(sys.stderr)]
    log.handlers[0].setFormatter(_Scrubbed(scrub))
    return log


class _Scrubbed(logging.Formatter):
    def __init__(self, scrub: masking.Scrubber) -> None:
        super().__init__("%(levelname)s %(message)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        return str(self._scrub(super().format(record)))


# --- the command ----------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    """As `run` has them."""
    configs.arguments(
        parser,
        "to listen to the Slack it names (it hands each event to ONE connection of an app: listen "
        "with an app of your own, not with one whose sensor is at work)",
    )
    parser.add_argument(
        "--datastore", type=Path, metavar="FILE", help="where the sensor keeps what it remembers"
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=float,
        metavar="SECONDS",
        help="end after so many seconds; without: with Ctrl-C",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON line for each trigger")


def call(args: argparse.Namespace) -> int:
    """Listen until the time is over, Ctrl-C or SIGTERM; 0."""
    sensor_class, types = load_sensor(args.pack_dir)
    show = json_line if args.json or not sys.stdout.isatty() else on_terminal(Console())
    with _config(args) as (config, converse):
        scrub = masking.Scrubber(configs.secrets_of(config, args.pack_dir))
        service = ListeningSensorService(types, show, _logger(scrub), args.datastore)
        sensor = sensor_class(service, config=config)
        sensor.setup()
        with _stop_at_end(sensor.cleanup, args.seconds), converse():
            sensor.run()
    return 0


@contextlib.contextmanager
def _stop_at_end(stop: Callable[[], None], seconds: Optional[float]) -> Iterator[None]:
    """Within, Ctrl-C and the end of the time stop the sensor, in order."""
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    terminate = signal.getsignal(signal.SIGTERM)  # the sensor sets its own
    timer = threading.Timer(seconds or 0.0, stop)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, terminate)


@contextlib.contextmanager
def _config(args: argparse.Namespace) -> Iterator[Any]:
    """(the config to listen with, what goes on meanwhile)."""
    if args.config:
        kv = configs.pairs(args.kv)
        yield configs.load_config(args.config, args.pack_dir, kv), contextlib.nullcontext
        return
    with loopback.running() as slack, loopback.config_file(slack) as file:
        print(_next_steps(file), file=sys.stderr, flush=True)
        config = configs.complete(loopback.config_of(slack, **ON_LOOPBACK), args.pack_dir)
        yield config, lambda: _conversation_running(slack)


def _next_steps(file: Path) -> str:
    return (
        "Listening to a Slack on loopback, where somebody talks. To take part, from another "
        "terminal:\n  python -m sandbox run slack.chat.postMessage --config %s channel=general "
        "text='Hello sensor'\n" % shlex.quote(str(file))
    )


@contextlib.contextmanager
def _conversation_running(slack: Any) -> Iterator[None]:
    """Within, the conversation takes place, once somebody listens."""
    thread = threading.Thread(target=converse, args=(slack,), name="conversation", daemon=True)
    thread.start()
    yield
    thread.join(CONNECTED_WITHIN)


def converse(slack: Any) -> None:
    """One of each kind: messages, a reply, a reaction, a mention, a command, a button."""
    if not slack.socket.wait_for(lambda: slack.socket.connections, CONNECTED_WITHIN):
        return
    people = {user.name: user.id for user in slack.workspace.users.values()}
    mara, tomasz, bot = people["mara"], people["tomasz"], people["harbourbot"]
    with contextlib.suppress(RuntimeError):  # the Slack ends just now
        question = slack.workspace.say(mara, "deploys", "Is berth-planner *4.12.0* out yet?")
        parent = question["ts"]
        slack.workspace.say(tomasz, "deploys", "berth-planner 4.12.0 is live", thread_ts=parent)
        item = {"type": "message", "channel": slack.workspace.channel_named("deploys").id}
        slack.workspace.emit(
            "reaction_added", user=mara, reaction="tada", item={**item, "ts": parent}
        )
        slack.workspace.emit(
            "app_mention",
            user=mara,
            text="<@%s> how is the weather?" % bot,
            channel=item["channel"],
            ts=slack.workspace.next_ts(),
        )
        slack.socket.push_command("deploy berth-planner", user=tomasz)
        slack.socket.push_interaction(_button(item["channel"], parent), user=mara)


def _button(channel: str, ts: str) -> Dict[str, Any]:
    element = {"type": "button", "action_id": "approve", "block_id": "deploy", "value": "4.12.0"}
    return {
        "type": "block_actions",
        "channel": {"id": channel, "name": "deploys"},
        "container": {"type": "message", "message_ts": ts, "channel_id": channel},
        "actions": [{**element, "action_ts": ts}],
    }
