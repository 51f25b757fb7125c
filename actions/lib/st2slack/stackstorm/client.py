"""StackStorm's API: executions, inquiries, aliases, packs, and the datastore.

What only reads, and what is safe to repeat (keys, cancelling), is tried again while the API
restarts; what starts something or answers an inquiry is sent once.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterator, List, Mapping, Optional
from urllib.parse import quote

from st2slack.base.errors import StackStormError
from st2slack.base.json_access import JsonObject, as_object, as_objects, get_object, get_text
from st2slack.stackstorm.alias import Alias, AliasExecution, AliasRequest, MatchedAlias
from st2slack.stackstorm.datastore import Datastore
from st2slack.stackstorm.execution import Execution, Inquiry
from st2slack.stackstorm.transport import PAGE_SIZE, ApiRequest, ApiTransport, St2Client

MAX_DEPTH = 50  # workflows around one another
_WITHOUT_RESULT = {"exclude_attributes": "result,trigger_instance"}


class StackStorm:
    """`client`: a `st2client.client.Client`; `sleep`: takes seconds."""

    def __init__(self, client: St2Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._transport = ApiTransport(client, sleep)
        self.datastore = Datastore(self._transport)

    # --- executions -------------------------------------------------------------------------------

    def find_execution(self, execution_id: str, with_result: bool = True) -> Optional[Execution]:
        """The execution of this ID; None if there is none."""
        params = {} if with_result else _WITHOUT_RESULT
        document = self._transport.find("/executions/", execution_id, params)
        return Execution.from_json(document) if document is not None else None

    def list_executions(self, **filters: str) -> List[Execution]:
        """Executions by action, status, parent and so on, latest first, without their results."""
        params = {"limit": str(PAGE_SIZE), **_WITHOUT_RESULT, **filters}
        found = as_objects(self._transport.read("/executions", params))
        return [Execution.from_json(each) for each in found]

    def list_ancestors(self, execution: Execution) -> Iterator[Execution]:
        """The workflows around an execution, the innermost first, without their results."""
        for _ in range(MAX_DEPTH):
            parent = self.find_execution(execution.parent, with_result=False)
            if parent is None:
                return
            yield parent
            execution = parent

    def start_action(self, action: str, parameters: Mapping[str, object]) -> Execution:
        """Start an execution of an action, and do not wait for its end."""
        body: JsonObject = {"action": action, "parameters": dict(parameters)}
        return Execution.from_json(self._transport.write("POST", "/executions", body))

    def rerun(self, execution_id: str) -> Execution:
        """Start an execution once more with the same parameters."""
        path = "/executions/%s/re_run" % quote(execution_id, safe="")
        body: JsonObject = {"parameters": {}, "tasks": [], "reset": [], "delay": 0}
        return Execution.from_json(self._transport.write("POST", path, body))

    def cancel(self, execution_id: str) -> None:
        """Cancel an execution, if it has not ended."""
        path = "/executions/" + quote(execution_id, safe="")
        try:
            self._transport.send(ApiRequest("DELETE", path, is_repeatable=True))
        except StackStormError as refusal:
            if refusal.status not in (400, 404):  # it has ended, or is gone
                raise

    # --- inquiries --------------------------------------------------------------------------------

    def list_inquiries(self) -> List[Inquiry]:
        """Inquiries that wait for an answer."""
        return [Inquiry.from_json(each) for each in self._transport.read_all("/inquiries", {})]

    def answer(self, inquiry_id: str, response: Mapping[str, object]) -> None:
        """Answer an inquiry. Raises StackStormError with StackStorm's reason if it is not accepted.

        Sent once: two answers within some 50 ms can block the workflow forever.
        """
        body: JsonObject = {"id": inquiry_id, "response": dict(response)}
        self._transport.write("PUT", "/inquiries/" + quote(inquiry_id, safe=""), body)

    # --- aliases ----------------------------------------------------------------------------------

    def list_aliases(self) -> List[Alias]:
        """Every alias, the disabled ones too."""
        return [Alias.from_json(each) for each in self._transport.read_all("/actionalias", {})]

    def find_alias(self, alias_id: str) -> Optional[Alias]:
        """The alias of this ID; None if there is none."""
        document = self._transport.find("/actionalias/", alias_id)
        return Alias.from_json(document) if document is not None else None

    def match_alias(self, command: str) -> Optional[MatchedAlias]:
        """The alias that a command matches, or None. Raises StackStormError if several match."""
        try:
            found = self._transport.write("POST", "/actionalias/match", {"command": command})
        except StackStormError as refusal:
            if refusal.status == 400 and "matched no patterns" in refusal.reason:
                return None
            raise
        alias = Alias.from_json(get_object(found, "actionalias"))
        return MatchedAlias(alias, get_text(found, "representation"))

    def run_alias(self, request: AliasRequest) -> AliasExecution:
        """Run an alias."""
        answer = self._transport.write("POST", "/aliasexecution", request.to_json())
        return AliasExecution.from_json(answer)

    # --- packs ------------------------------------------------------------------------------------

    def list_rules(self, pack: str) -> Dict[str, bool]:
        """Name of each rule of a pack, and whether it is enabled."""
        rules = self._transport.read_all("/rules", {"pack": pack})
        return {get_text(each, "name"): bool(each.get("enabled")) for each in rules}

    def read_pack_config(self, pack: str) -> JsonObject:
        """The config as it was registered: expressions are not evaluated, secrets are masked."""
        found = self._transport.read("/configs/" + quote(pack, safe=""), {})
        return get_object(as_object(found), "values")
