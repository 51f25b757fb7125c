"""What each address of the API does. Nothing here knows of sockets.

A controller takes an Asked and returns an Answer, or raises Refusal.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from sandbox.stackstorm.config import load_schema
from sandbox.stackstorm.masking import mask
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.api_error import Refusal, bad_request, not_found
from sandbox.stackstorm.server.inquiries import shown
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import ORQUESTA
from sandbox.stackstorm.server.tokens import Caller

if TYPE_CHECKING:
    from sandbox.stackstorm.server.container import System

Json = Dict[str, Any]
KEPT_FIELDS = ("id",)
DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Asked:
    """One request: who, the parts of the path, the query, the JSON of the body."""

    system: System
    caller: Caller
    path: Dict[str, str]
    query: Dict[str, str]
    body: Any

    def flag(self, name: str) -> bool:
        """A boolean of the query."""
        return self.query.get(name, "").lower() in ("true", "1", "yes")

    def number(self, name: str, default: int) -> int:
        """An integer of the query; -1 is StackStorm's way to say all."""
        try:
            return int(self.query.get(name) or default)
        except ValueError:
            raise bad_request(f"{name} must be an integer") from None

    def page(self, found: List[Any]) -> Answer:
        """A part of a list, with the number of the whole."""
        offset, limit = self.number("offset", 0), self.number("limit", DEFAULT_LIMIT)
        headers = {"X-Total-Count": str(len(found)), "X-Limit": str(limit)}
        return Answer(found[offset : offset + limit if limit > 0 else None], headers=headers)


@dataclass(frozen=True)
class Answer:
    """JSON, its status, and headers. `settle`: an inquiry whose window is to pass first."""

    document: Any = None
    status: int = 200
    headers: Dict[str, str] = field(default_factory=dict)
    settle: str = ""


Controller = Callable[[Asked], Answer]


def get_key(asked: Asked) -> Answer:
    name = asked.path["name"]
    return Answer(_pair(asked, _existing(asked, name)))


def list_keys(asked: Asked) -> Answer:
    prefix = asked.query.get("prefix")
    found = asked.system.store.list_values(local=False, prefix=prefix)
    return asked.page([_pair(asked, each.name) for each in found])


def put_key(asked: Asked) -> Answer:
    name, body = asked.path["name"], asked.body
    if not isinstance(body, dict) or not isinstance(body.get("value"), str):
        raise bad_request("'value' must be a string")
    if body.get("scope", "system") not in ("system", "st2kv.system"):
        raise bad_request("only the system scope is here")
    secret = bool(body.get("secret") or body.get("encrypted"))
    store = asked.system.store
    store.set_value(name, body["value"], body.get("ttl"), local=False, encrypt=secret)
    return Answer(_pair(asked, name))


def delete_key(asked: Asked) -> Answer:
    name = _existing(asked, asked.path["name"])
    asked.system.store.delete_value(name, local=False)
    return Answer(None, 204)


def _existing(asked: Asked, name: str) -> str:
    if asked.system.store.get_value(name, local=False) is None:
        raise not_found(f'The key "{name}" does not exist in the StackStorm datastore.')
    return name


def _pair(asked: Asked, name: str) -> Json:
    """Encrypted values come as such, unless `decrypt` is asked."""
    store, decrypt = asked.system.store, asked.flag("decrypt")
    secret = store.is_encrypted(name)
    return {
        "name": name,
        "uid": f"key_value_pair:st2kv.system:{name}",
        "scope": "st2kv.system",
        "value": store.get_value(name, local=False, decrypt=decrypt),
        "secret": secret,
        "encrypted": secret and not decrypt,
    }


def get_action(asked: Asked) -> Answer:
    try:
        return Answer(asked.system.registry.get(asked.path["ref"]).document())
    except Refusal as error:
        raise not_found(error.text) from None


def list_aliases(asked: Asked) -> Answer:
    wanted = {key: asked.query[key] for key in ("name", "pack") if key in asked.query}
    documents = [alias.document for alias in asked.system.aliases.all()]
    return asked.page([d for d in documents if all(d[key] == v for key, v in wanted.items())])


def list_rules(asked: Asked) -> Answer:
    pack = asked.query.get("pack")
    rules = [each for each in asked.system.reactor.rules() if pack in (None, each.pack)]
    return asked.page(
        [{"ref": r.ref, "pack": r.pack, "name": r.name, "enabled": r.enabled} for r in rules]
    )


def get_pack_config(asked: Asked) -> Answer:
    """As registered, secrets masked (st2api/controllers/v1/pack_configs.py)."""
    pack = asked.path["ref"]
    values = asked.system.pack_actions.configs.get(pack)
    if values is None:
        raise not_found(f'Unable to identify resource with pack "{pack}".')
    schema = {"type": "object", "properties": load_schema()}
    return Answer({"pack": pack, "values": mask(copy.deepcopy(values), schema)})


def get_alias(asked: Asked) -> Answer:
    return Answer(asked.system.aliases.get(asked.path["ref"]).document)


def match_alias(asked: Asked) -> Answer:
    alias, found = asked.system.aliases.match(str(asked.body["command"]))
    return Answer(
        {
            "actionalias": alias.document,
            "display": found.display,
            "representation": found.representation,
        }
    )


def help_aliases(asked: Asked) -> Answer:
    query = asked.query
    return Answer(
        asked.system.aliases.help(
            query.get("filter", ""),
            query.get("pack", ""),
            asked.number("limit", 0),
            asked.number("offset", 0),
        )
    )


def execute_alias(asked: Asked) -> Answer:
    return Answer(asked.system.alias_executions.execute(asked.body, asked.caller), 201)


def match_and_execute(asked: Asked) -> Answer:
    return Answer(asked.system.alias_executions.match_and_execute(asked.body, asked.caller), 201)


FILTERS: Dict[str, Callable[[Record], Any]] = {
    "action": lambda record: record.ref,
    "status": lambda record: record.status,
    "parent": lambda record: record.parent,
    "runner": lambda record: record.runner,
    "user": lambda record: record.context.get("user"),
    "id": lambda record: record.id,
}


def list_executions(asked: Asked) -> Answer:
    """Latest first, unless `sort_asc`; `parent=null` for those without one."""
    engine = asked.system.engine
    with engine.lock:
        records = list(engine.records.values())
    for name, value in FILTERS.items():
        if name in asked.query:
            wanted = None if asked.query[name] == "null" else asked.query[name]
            records = [record for record in records if value(record) == wanted]
    if not asked.flag("sort_asc"):
        records.reverse()
    return asked.page([_selected(asked, _document(asked, record)) for record in records])


def get_execution(asked: Asked) -> Answer:
    record = asked.system.engine.get(asked.path["id"])
    return Answer(_selected(asked, _document(asked, record)))


def post_execution(asked: Asked) -> Answer:
    body, system = asked.body, asked.system
    if not isinstance(body, dict) or not isinstance(body.get("action"), str):
        raise bad_request("'action' is a required property")
    context = {**(body.get("context") or {}), "user": body.get("user") or asked.caller.user}
    values = system.live_parameters(body.get("parameters") or {}, context)
    record = system.engine.request(body["action"], values, context, notify=body.get("notify"))
    return Answer(_document(asked, record), 201)


def run_again(asked: Asked) -> Answer:
    """A new execution with the parameters of another, of which it tells."""
    first = asked.system.engine.get(asked.path["id"])
    context = {"user": asked.caller.user, "re-run": {"ref": first.id}}
    record = asked.system.engine.request(first.ref, dict(first.parameters), context)
    return Answer(_document(asked, record), 201)


def put_execution(asked: Asked) -> Answer:
    """`status` of the body: canceled, pausing or paused, resuming."""
    record, wanted = asked.system.engine.get(asked.path["id"]), asked.body.get("status")
    with asked.system.engine.lock:
        if record.completed:
            raise bad_request("Execution is already in completed state.")
        if wanted in (statuses.CANCELING, statuses.CANCELED):
            asked.system.engine.cancel(record, asked.caller.user)
        elif wanted in (statuses.PAUSING, statuses.PAUSED, statuses.RESUMING):
            _pause_or_resume(asked, record, wanted)
        else:
            raise bad_request(f"Failed updating execution. A status {wanted!r} is not known here.")
    return Answer(_document(asked, record))


def _pause_or_resume(asked: Asked, record: Record, wanted: str) -> None:
    if record.runner != ORQUESTA:
        raise bad_request(
            f'Failed updating execution. It is not supported by the "{record.runner}" runner.'
        )
    workflows = asked.system.workflows
    (workflows.resume if wanted == statuses.RESUMING else workflows.pause)(record)


def delete_execution(asked: Asked) -> Answer:
    record = asked.system.engine.get(asked.path["id"])
    asked.system.engine.cancel(record, asked.caller.user)
    return Answer(_document(asked, record))


def list_children(asked: Asked) -> Answer:
    """All descendants, or those down to `depth`."""
    record, depth = asked.system.engine.get(asked.path["id"]), asked.number("depth", -1)
    with asked.system.engine.lock:
        found = _descendants(asked, record, depth)
        return Answer([_document(asked, each) for each in found])


def _descendants(asked: Asked, record: Record, depth: int) -> List[Record]:
    found = []
    for child in [asked.system.engine.get(each) for each in record.children] if depth else []:
        found += [child, *_descendants(asked, child, depth - 1)]
    return found


def _document(asked: Asked, record: Record) -> Json:
    with asked.system.engine.lock:
        return record.document(asked.flag("show_secrets"))


def _selected(asked: Asked, document: Json) -> Json:
    """Only `include_attributes`, or all but `exclude_attributes`."""
    included = _names(asked, "include_attributes")
    excluded = _names(asked, "exclude_attributes")
    if included and excluded:
        raise bad_request("include_attributes and exclude_attributes are mutually exclusive.")
    if included:
        tops = {name.split(".")[0] for name in included} | set(KEPT_FIELDS)
        return {name: value for name, value in document.items() if name in tops}
    return {name: value for name, value in document.items() if name not in excluded}


def _names(asked: Asked, key: str) -> List[str]:
    return [name for name in asked.query.get(key, "").split(",") if name]


def list_inquiries(asked: Asked) -> Answer:
    return asked.page(asked.system.inquiries.pending())


def get_inquiry(asked: Asked) -> Answer:
    return Answer(shown(asked.system.inquiries.get(asked.path["id"])))


def put_inquiry(asked: Asked) -> Answer:
    inquiry, response = asked.path["id"], asked.body.get("response")
    asked.system.inquiries.take(inquiry, response, asked.caller)
    return Answer({"id": inquiry, "response": response}, settle=inquiry)


def post_webhook(asked: Asked) -> Answer:
    """The generic webhook: whoever may ask the API can fire any trigger by it."""
    body = asked.body
    if not isinstance(body, dict) or not isinstance(body.get("trigger"), str):
        raise bad_request("'trigger' is a required property")
    asked.system.dispatch(body["trigger"], body.get("payload") or {})
    return Answer(body, 202)


ROUTES: List[Tuple[str, str, Controller]] = [
    ("GET", "/v1/keys", list_keys),
    ("GET", "/v1/keys/{name}", get_key),
    ("PUT", "/v1/keys/{name}", put_key),
    ("DELETE", "/v1/keys/{name}", delete_key),
    ("GET", "/v1/actions/{ref}", get_action),
    ("GET", "/v1/rules", list_rules),
    ("GET", "/v1/configs/{ref}", get_pack_config),
    ("GET", "/v1/actionalias", list_aliases),
    ("GET", "/v1/actionalias/help", help_aliases),
    ("POST", "/v1/actionalias/match", match_alias),
    ("GET", "/v1/actionalias/{ref}", get_alias),
    ("POST", "/v1/aliasexecution", execute_alias),
    ("POST", "/v1/aliasexecution/match_and_execute", match_and_execute),
    ("GET", "/v1/executions", list_executions),
    ("POST", "/v1/executions", post_execution),
    ("GET", "/v1/executions/{id}", get_execution),
    ("PUT", "/v1/executions/{id}", put_execution),
    ("DELETE", "/v1/executions/{id}", delete_execution),
    ("GET", "/v1/executions/{id}/children", list_children),
    ("POST", "/v1/executions/{id}/re_run", run_again),
    ("POST", "/v1/webhooks/st2", post_webhook),
    ("GET", "/v1/inquiries", list_inquiries),
    ("GET", "/v1/inquiries/{id}", get_inquiry),
    ("PUT", "/v1/inquiries/{id}", put_inquiry),
]
