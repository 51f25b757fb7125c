"""What the work from Slack needs of StackStorm, through StackStorm's own client (`st2client`).

Shapes are those of StackStorm's API, as JSON: executions, aliases, inquiries. An inquiry has the ID
of its execution. Keys are of the datastore's system scope, their values text, not encrypted.

What only reads, and what may be repeated (keys, cancelling), is tried again while the API restarts;
what starts something or answers an inquiry is sent once.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import quote

import requests

from st2slack.base.errors import ApiFault, ApiRefusal

Json = Dict[str, Any]
TIMEOUT = 20.0  # seconds for one answer; st2client itself would wait for ever
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds between tries: as long as a service restarts
PAGE = 100  # StackStorm's own limit of a page (api.max_page_size)
DEEPEST = 50  # workflows around one another
_BULKY = "result,trigger_instance"

ENDED = ("succeeded", "failed", "timeout", "abandoned", "canceled")
# A workflow in one of these goes on no more, whatever its inquiry is answered.
GIVEN_UP = ("failed", "timeout", "abandoned", "canceled", "canceling")


class Match(NamedTuple):
    """An alias that a command fits, and the format it fits."""

    alias: Json
    representation: str


class StackStorm:
    """`client`: a `st2client.client.Client`; `sleep`: takes seconds."""

    def __init__(self, client: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self._token = client.token
        self._http = client.managers["Execution"].client
        self._sleep = sleep

    # --- executions -------------------------------------------------------------------------------

    def execution(self, execution_id: str, whole: bool = True) -> Optional[Json]:
        """An execution; None where there is none. Not `whole`: without its result."""
        how = {} if whole else {"exclude_attributes": _BULKY}
        return self._one("/executions/", execution_id, how)

    def executions(self, **filters: str) -> List[Json]:
        """Executions by action, status, parent and so on, latest first, without their results."""
        how = {"limit": str(PAGE), "exclude_attributes": _BULKY, **filters}
        return list(self._read("/executions", how) or [])

    def ancestors(self, execution: Mapping[str, Any]) -> Iterator[Json]:
        """The workflows around an execution, the innermost first, without their results."""
        parent = execution.get("parent")
        for _ in range(DEEPEST):
            found = self.execution(str(parent), whole=False) if parent else None
            if found is None:
                return
            yield found
            parent = found.get("parent")

    def start(self, action: str, parameters: Mapping[str, Any]) -> Json:
        """Start an execution of an action; it goes on by itself."""
        body = {"action": action, "parameters": dict(parameters)}
        return self._object(self._send("post", "/executions", body))

    def run_again(self, execution_id: str) -> Json:
        """Start an execution once more with the same parameters."""
        path = "/executions/%s/re_run" % quote(execution_id, safe="")
        body = {"parameters": {}, "tasks": [], "reset": [], "delay": 0}
        return self._object(self._send("post", path, body))

    def cancel(self, execution_id: str) -> None:
        """Cancel an execution, if there is still something to cancel."""
        try:
            self._send("delete", "/executions/" + quote(execution_id, safe=""), again=True)
        except ApiRefusal as refusal:
            if refusal.status not in (400, 404):  # it has ended, or is gone
                raise

    # --- inquiries --------------------------------------------------------------------------------

    def inquiries(self) -> List[Json]:
        """Inquiries that wait for an answer: id, route, schema and so on."""
        return self._all("/inquiries", {})

    def answer(self, inquiry_id: str, response: Mapping[str, Any]) -> None:
        """Answer an inquiry. ApiRefusal where StackStorm does not take it, with its reason.

        Not tried again: two answers within some 50 ms may hang the workflow for good.
        """
        body = {"id": inquiry_id, "response": dict(response)}
        self._send("put", "/inquiries/" + quote(inquiry_id, safe=""), body)

    # --- aliases ----------------------------------------------------------------------------------

    def aliases(self) -> List[Json]:
        """Every alias, the disabled ones too."""
        return self._all("/actionalias", {})

    def alias(self, alias_id: str) -> Optional[Json]:
        """The alias of this ID; None where there is none."""
        return self._one("/actionalias/", alias_id, {})

    def match(self, command: str) -> Optional[Match]:
        """The alias that a command fits, None where none does. ApiRefusal where several do."""
        try:
            found = self._object(self._send("post", "/actionalias/match", {"command": command}))
        except ApiRefusal as refusal:
            if refusal.status == 400 and "matched no patterns" in refusal.reason:
                return None
            raise
        alias = found.get("actionalias")
        return Match(alias if isinstance(alias, dict) else {}, str(found.get("representation")))

    def run_alias(self, asked: Mapping[str, Any]) -> Json:
        """Run an alias: `execution`, `actionalias`, and `message`, `extra` of its ack."""
        return self._object(self._send("post", "/aliasexecution", dict(asked)))

    # --- packs ------------------------------------------------------------------------------------

    def rules(self, pack: str) -> Dict[str, bool]:
        """Name of each rule of a pack, and whether it is enabled."""
        found = self._all("/rules", {"pack": pack})
        return {str(each["name"]): bool(each.get("enabled")) for each in found}

    def pack_config(self, pack: str) -> Json:
        """The config as it was registered: expressions as they stand there, secrets masked."""
        found = self._read("/configs/" + quote(pack, safe=""), {})
        return self._object(self._object(found).get("values"))

    # --- datastore --------------------------------------------------------------------------------

    def read(self, key: str) -> Optional[str]:
        """The value of a key; None where there is none."""
        found = self._read("/keys/" + quote(key, safe=""), {"scope": "system"})
        return str(found["value"]) if found else None

    def write(
        self, key: str, text: str, ttl: Optional[int] = None, encrypted: bool = False
    ) -> None:
        """Store `text` under a key, for `ttl` seconds or for good."""
        body: Json = {"name": key, "value": text, "scope": "system"}
        body.update({"ttl": ttl} if ttl else {})
        body.update({"secret": True} if encrypted else {})
        self._send("put", "/keys/" + quote(key, safe=""), body, again=True)

    def delete(self, key: str) -> None:
        """Delete a key, if it is there."""
        path = "/keys/%s?scope=system" % quote(key, safe="")
        try:
            self._send("delete", path, again=True)
        except ApiRefusal as refusal:
            if refusal.status != 404:
                raise

    def keys(self, prefix: str, encrypted: bool = False) -> Dict[str, str]:
        """Every key that begins so, with its value. `encrypted`: they are to be decrypted."""
        how = {"prefix": prefix, "scope": "system", **({"decrypt": "true"} if encrypted else {})}
        found = self._all("/keys", how)
        return {str(each["name"]): str(each["value"]) for each in found}

    # --- the wire ---------------------------------------------------------------------------------

    def _all(self, path: str, how: Mapping[str, str]) -> List[Json]:
        found: List[Json] = []
        while True:
            page = {**how, "limit": str(PAGE), "offset": str(len(found))}
            more = self._read(path, page) or []
            found.extend(more)
            if len(more) < PAGE:
                return found

    def _one(self, path: str, its_id: str, how: Mapping[str, str]) -> Optional[Json]:
        """What has this ID. An empty one, or a dot, would be another path: that of the list."""
        found = self._read(path + quote(its_id, safe=""), how) if its_id.strip(" .") else None
        return found if isinstance(found, dict) else None

    def _read(self, path: str, how: Mapping[str, str]) -> Any:
        try:
            return self._send("get", path, again=True, params=dict(how))
        except ApiRefusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def _send(
        self,
        verb: str,
        path: str,
        body: Optional[Json] = None,
        again: bool = False,
        params: Optional[Mapping[str, str]] = None,
    ) -> Any:
        pauses: Sequence[float] = PAUSES if again else ()
        for pause in pauses:
            try:
                return self._send_once(verb, path, body, params)
            except ApiRefusal as refusal:
                if refusal.status < 500:
                    raise
            except ApiFault:
                pass
            self._sleep(pause)
        return self._send_once(verb, path, body, params)

    def _send_once(
        self,
        verb: str,
        path: str,
        body: Optional[Json],
        params: Optional[Mapping[str, str]],
    ) -> Any:
        how: Json = {"token": self._token, "timeout": TIMEOUT}
        how.update({"params": params} if params else {})
        what = "%s %s" % (verb.upper(), path.partition("?")[0])
        positional = () if body is None else (body,)
        try:
            response = getattr(self._http, verb)(path, *positional, **how)
        except requests.RequestException as error:
            raise ApiFault(
                "StackStorm's API gave no answer to %s (%s); see whether st2api runs."
                % (what, type(error).__name__)
            ) from None
        return _content(response, what)

    @staticmethod
    def _object(answer: Any) -> Json:
        return answer if isinstance(answer, dict) else {}


def _content(response: Any, what: str) -> Any:
    try:
        content = response.json() if response.content else None
    except ValueError:
        content = None
    if response.status_code >= 400:
        told = content.get("faultstring") if isinstance(content, dict) else None
        raise ApiRefusal(what, int(response.status_code), str(told or response.reason))
    return content
