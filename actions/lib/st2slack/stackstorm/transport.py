"""Sends requests to StackStorm's API and reads the answers.

The connection is that of StackStorm's own client (`st2client`), which knows the API's URL and the
certificates to trust.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Protocol, Sequence
from urllib.parse import quote

import requests

from st2slack.base.errors import StackStormError, StackStormUnavailable
from st2slack.base.json_access import JsonObject, as_object, as_objects, get_text

TIMEOUT = 20.0  # seconds for one answer; st2client itself would wait for ever
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds between attempts: as long as a service restarts
PAGE_SIZE = 100  # StackStorm's own limit (api.max_page_size)


class HttpClient(Protocol):
    """The part of st2client's HTTP client that is used. Paths are below the API's URL."""

    def get(self, url: str, **options: object) -> requests.Response:
        """Read."""

    def delete(self, url: str, **options: object) -> requests.Response:
        """Delete."""

    def post(self, url: str, data: JsonObject, **options: object) -> requests.Response:
        """Create."""

    def put(self, url: str, data: JsonObject, **options: object) -> requests.Response:
        """Create or replace."""


class ResourceManager(Protocol):
    """The part of a resource manager of st2client that is used."""

    client: HttpClient


class St2Client(Protocol):
    """The part of `st2client.client.Client` that is used."""

    token: Optional[str]
    managers: Mapping[str, ResourceManager]


class ApiRequest(NamedTuple):
    """A request. `path`: below the API's URL, quoted; `is_repeatable`: whether it is safe to send
    it again if no answer came.
    """

    verb: str
    path: str
    body: JsonObject = {}
    params: Mapping[str, str] = {}
    is_repeatable: bool = False

    def __str__(self) -> str:
        return "%s %s" % (self.verb, self.path.partition("?")[0])


class ApiTransport:
    """`client`: a `st2client.client.Client`; `sleep`: takes seconds."""

    def __init__(self, client: St2Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._token = client.token
        self._http = client.managers["Execution"].client
        self._sleep = sleep

    def find(
        self, path: str, resource_id: str, params: Optional[Mapping[str, str]] = None
    ) -> Optional[JsonObject]:
        """The resource of this ID; None if there is none.

        An empty ID, or a dot, would make the path of the list: there is no such resource.
        """
        if not resource_id.strip(" ."):
            return None
        found = self.read(path + quote(resource_id, safe=""), params or {})
        return found if isinstance(found, dict) else None

    def read_all(self, path: str, params: Mapping[str, str]) -> List[JsonObject]:
        """Every element of a list, page by page."""
        elements: List[JsonObject] = []
        while True:
            page = {"limit": str(PAGE_SIZE), "offset": str(len(elements))}
            more = as_objects(self.read(path, {**params, **page}))
            elements.extend(more)
            if len(more) < PAGE_SIZE:
                return elements

    def read(self, path: str, params: Mapping[str, str]) -> object:
        """What the API answers; None for 404."""
        try:
            return self.send(ApiRequest("GET", path, params=params, is_repeatable=True))
        except StackStormError as refusal:
            if refusal.status == 404:
                return None
            raise

    def write(self, verb: str, path: str, body: JsonObject) -> JsonObject:
        """Send a body once: repeating it could start or answer something twice."""
        return as_object(self.send(ApiRequest(verb, path, body)))

    def send(self, request: ApiRequest) -> object:
        """Send a request, and again if it is repeatable and the API does not answer."""
        pauses: Sequence[float] = PAUSES if request.is_repeatable else ()
        for pause in pauses:
            try:
                return self._send_once(request)
            except StackStormError as refusal:
                if refusal.status < 500:
                    raise
            except StackStormUnavailable:
                pass
            self._sleep(pause)
        return self._send_once(request)

    def _send_once(self, request: ApiRequest) -> object:
        try:
            response = self._exchange(request)
        except requests.RequestException as error:
            raise StackStormUnavailable(
                "StackStorm's API did not answer %s (%s). Check that st2api is running."
                % (request, type(error).__name__)
            ) from None
        return _content(response, request)

    def _exchange(self, request: ApiRequest) -> requests.Response:
        options: Dict[str, object] = {"token": self._token, "timeout": TIMEOUT}
        if request.params:
            options["params"] = dict(request.params)
        if request.verb == "GET":
            return self._http.get(request.path, **options)
        if request.verb == "DELETE":
            return self._http.delete(request.path, **options)
        write = self._http.put if request.verb == "PUT" else self._http.post
        return write(request.path, request.body, **options)


def _content(response: requests.Response, request: ApiRequest) -> object:
    try:
        content: object = response.json() if response.content else None
    except ValueError:
        content = None
    if response.status_code >= 400:
        reason = get_text(as_object(content), "faultstring") or str(response.reason)
        raise StackStormError(str(request), response.status_code, reason)
    return content
