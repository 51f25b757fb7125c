"""What each address of the API does. Nothing here knows of sockets.

A controller takes an ApiRequest and returns an ApiResponse, or raises ApiError.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from sandbox.stackstorm.config import load_schema
from sandbox.stackstorm.masking import mask
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.api_error import ApiError, bad_request, not_found
from sandbox.stackstorm.server.inquiries import inquiry_json
from sandbox.stackstorm.server.records import Record
from sandbox.stackstorm.server.registry import ORQUESTA
from sandbox.stackstorm.server.tokens import Caller

if TYPE_CHECKING:
    from sandbox.stackstorm.server.container import Container

Json = Dict[str, Any]
KEPT_FIELDS = ("id",)
DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class ApiRequest:
    """One request: who, the parts of the path, the query, the JSON of the body."""

    system: Container
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

    def page(self, found: List[Any]) -> ApiResponse:
        """A part of a list, with the number of the whole."""
        offset, limit = self.number("offset", 0), self.number("limit", DEFAULT_LIMIT)
        headers = {"X-Total-Count": str(len(found)), "X-Limit": str(limit)}
        return ApiResponse(found[offset : offset + limit if limit > 0 else None], headers=headers)


@dataclass(frozen=True)
class ApiResponse:
    """JSON, its status, and headers. `settle`: an inquiry whose window is to pass first."""

    document: Any = None
    status: int = 200
    headers: Dict[str, str] = field(default_factory=dict)
    settle: str = ""


Controller = Callable[[ApiRequest], ApiResponse]


def get_key(request: ApiRequest) -> ApiResponse:
    name = request.path["name"]
    return ApiResponse(_pair(request, _existing(request, name)))


def list_keys(request: ApiRequest) -> ApiResponse:
    prefix = request.query.get("prefix")
    found = request.system.store.list_values(local=False, prefix=prefix)
    return request.page([_pair(request, each.name) for each in found])


def put_key(request: ApiRequest) -> ApiResponse:
    name, body = request.path["name"], request.body
    if not isinstance(body, dict) or not isinstance(body.get("value"), str):
        raise bad_request("'value' must be a string")
    if body.get("scope", "system") not in ("system", "st2kv.system"):
        raise bad_request("only the system scope is here")
    secret = bool(body.get("secret") or body.get("encrypted"))
    store = request.system.store
    store.set_value(name, body["value"], body.get("ttl"), local=False, encrypt=secret)
    return ApiResponse(_pair(request, name))


def delete_key(request: ApiRequest) -> ApiResponse:
    name = _existing(request, request.path["name"])
    request.system.store.delete_value(name, local=False)
    return ApiResponse(None, 204)


def _existing(request: ApiRequest, name: str) -> str:
    if request.system.store.get_value(name, local=False) is None:
        raise not_found(f'The key "{name}" does not exist in the StackStorm datastore.')
    return name


def _pair(request: ApiRequest, name: str) -> Json:
    """Encrypted values come as such, unless `decrypt` is asked."""
    store, decrypt = request.system.store, request.flag("decrypt")
    secret = store.is_encrypted(name)
    return {
        "name": name,
        "uid": f"key_value_pair:st2kv.system:{name}",
        "scope": "st2kv.system",
        "value": store.get_value(name, local=False, decrypt=decrypt),
        "secret": secret,
        "encrypted": secret and not decrypt,
    }


def get_action(request: ApiRequest) -> ApiResponse:
    try:
        return ApiResponse(request.system.registry.get(request.path["ref"]).document())
    except ApiError as error:
        raise not_found(error.text) from None


def list_aliases(request: ApiRequest) -> ApiResponse:
    status = {key: request.query[key] for key in ("name", "pack") if key in request.query}
    documents = [alias.document for alias in request.system.aliases.all()]
    return request.page([d for d in documents if all(d[key] == v for key, v in status.items())])


def list_rules(request: ApiRequest) -> ApiResponse:
    pack = request.query.get("pack")
    rules = [each for each in request.system.reactor.rules() if pack in (None, each.pack)]
    return request.page(
        [{"ref": r.ref, "pack": r.pack, "name": r.name, "enabled": r.enabled} for r in rules]
    )


def get_pack_config(request: ApiRequest) -> ApiResponse:
    """As registered, secrets masked (st2api/controllers/v1/pack_configs.py)."""
    pack = request.path["ref"]
    values = request.system.pack_actions.configs.get(pack)
    if values is None:
        raise not_found(f'Unable to identify resource with pack "{pack}".')
    schema = {"type": "object", "properties": load_schema()}
    return ApiResponse({"pack": pack, "values": mask(copy.deepcopy(values), schema)})


def get_alias(request: ApiRequest) -> ApiResponse:
    return ApiResponse(request.system.aliases.get(request.path["ref"]).document)


def match_alias(request: ApiRequest) -> ApiResponse:
    alias, found = request.system.aliases.match(str(request.body["command"]))
    return ApiResponse(
        {
            "actionalias": alias.document,
            "display": found.display,
            "representation": found.representation,
        }
    )


def help_aliases(request: ApiRequest) -> ApiResponse:
    query = request.query
    return ApiResponse(
        request.system.aliases.help(
            query.get("filter", ""),
            query.get("pack", ""),
            request.number("limit", 0),
            request.number("offset", 0),
        )
    )


def execute_alias(request: ApiRequest) -> ApiResponse:
    return ApiResponse(request.system.alias_executions.execute(request.body, request.caller), 201)


def match_and_execute(request: ApiRequest) -> ApiResponse:
    return ApiResponse(
        request.system.alias_executions.match_and_execute(request.body, request.caller), 201
    )


FILTERS: Dict[str, Callable[[Record], Any]] = {
    "action": lambda record: record.ref,
    "status": lambda record: record.status,
    "parent": lambda record: record.parent,
    "runner": lambda record: record.runner,
    "user": lambda record: record.context.get("user"),
    "id": lambda record: record.id,
}


def list_executions(request: ApiRequest) -> ApiResponse:
    """Latest first, unless `sort_asc`; `parent=null` for those without one."""
    engine = request.system.engine
    with engine.lock:
        records = list(engine.records.values())
    for name, value in FILTERS.items():
        if name in request.query:
            status = None if request.query[name] == "null" else request.query[name]
            records = [record for record in records if value(record) == status]
    if not request.flag("sort_asc"):
        records.reverse()
    return request.page([_selected(request, _document(request, record)) for record in records])


def get_execution(request: ApiRequest) -> ApiResponse:
    record = request.system.engine.get(request.path["id"])
    return ApiResponse(_selected(request, _document(request, record)))


def post_execution(request: ApiRequest) -> ApiResponse:
    body, system = request.body, request.system
    if not isinstance(body, dict) or not isinstance(body.get("action"), str):
        raise bad_request("'action' is a required property")
    context = {**(body.get("context") or {}), "user": body.get("user") or request.caller.user}
    values = system.parameter_renderer(body.get("parameters") or {}, context)
    record = system.engine.request(body["action"], values, context, notify=body.get("notify"))
    return ApiResponse(_document(request, record), 201)


def run_again(request: ApiRequest) -> ApiResponse:
    """A new execution with the parameters of another, of which it tells."""
    first = request.system.engine.get(request.path["id"])
    context = {"user": request.caller.user, "re-run": {"ref": first.id}}
    record = request.system.engine.request(first.ref, dict(first.parameters), context)
    return ApiResponse(_document(request, record), 201)


def put_execution(request: ApiRequest) -> ApiResponse:
    """`status` of the body: canceled, pausing or paused, resuming."""
    record, status = request.system.engine.get(request.path["id"]), request.body.get("status")
    with request.system.engine.lock:
        if record.completed:
            raise bad_request("Execution is already in completed state.")
        if status in (statuses.CANCELING, statuses.CANCELED):
            request.system.engine.cancel(record, request.caller.user)
        elif status in (statuses.PAUSING, statuses.PAUSED, statuses.RESUMING):
            _pause_or_resume(request, record, status)
        else:
            raise bad_request(f"Failed updating execution. A status {status!r} is not known here.")
    return ApiResponse(_document(request, record))


def _pause_or_resume(request: ApiRequest, record: Record, status: str) -> None:
    if record.runner != ORQUESTA:
        raise bad_request(
            f'Failed updating execution. It is not supported by the "{record.runner}" runner.'
        )
    workflows = request.system.workflows
    (workflows.resume if status == statuses.RESUMING else workflows.pause)(record)


def delete_execution(request: ApiRequest) -> ApiResponse:
    record = request.system.engine.get(request.path["id"])
    request.system.engine.cancel(record, request.caller.user)
    return ApiResponse(_document(request, record))


def list_children(request: ApiRequest) -> ApiResponse:
    """All descendants, or those down to `depth`."""
    record, depth = request.system.engine.get(request.path["id"]), request.number("depth", -1)
    with request.system.engine.lock:
        found = _descendants(request, record, depth)
        return ApiResponse([_document(request, each) for each in found])


def _descendants(request: ApiRequest, record: Record, depth: int) -> List[Record]:
    found = []
    for child in [request.system.engine.get(each) for each in record.children] if depth else []:
        found += [child, *_descendants(request, child, depth - 1)]
    return found


def _document(request: ApiRequest, record: Record) -> Json:
    with request.system.engine.lock:
        return record.document(request.flag("show_secrets"))


def _selected(request: ApiRequest, document: Json) -> Json:
    """Only `include_attributes`, or all but `exclude_attributes`."""
    included = _names(request, "include_attributes")
    excluded = _names(request, "exclude_attributes")
    if included and excluded:
        raise bad_request("include_attributes and exclude_attributes are mutually exclusive.")
    if included:
        tops = {name.split(".")[0] for name in included} | set(KEPT_FIELDS)
        return {name: value for name, value in document.items() if name in tops}
    return {name: value for name, value in document.items() if name not in excluded}


def _names(request: ApiRequest, key: str) -> List[str]:
    return [name for name in request.query.get(key, "").split(",") if name]


def list_inquiries(request: ApiRequest) -> ApiResponse:
    return request.page(request.system.inquiries.pending())


def get_inquiry(request: ApiRequest) -> ApiResponse:
    return ApiResponse(inquiry_json(request.system.inquiries.get(request.path["id"])))


def put_inquiry(request: ApiRequest) -> ApiResponse:
    inquiry, response = request.path["id"], request.body.get("response")
    request.system.inquiries.take(inquiry, response, request.caller)
    return ApiResponse({"id": inquiry, "response": response}, settle=inquiry)


def post_webhook(request: ApiRequest) -> ApiResponse:
    """The generic webhook: whoever may ask the API can fire any trigger by it."""
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("trigger"), str):
        raise bad_request("'trigger' is a required property")
    request.system.dispatch(body["trigger"], body.get("payload") or {})
    return ApiResponse(body, 202)


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
