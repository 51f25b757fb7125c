"""One try of one call over HTTP: the only module that sends a request to Slack."""

from __future__ import annotations

import io
import os
from typing import Any, Callable, Dict, Mapping, Optional

import requests
from requests import exceptions as faults
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError

from st2slack.api import decoding
from st2slack.api.log_filter import CleanLog
from st2slack.api.proxy import proxies_for
from st2slack.api.request import Request
from st2slack.api.response import INSPECTED_BYTES, is_file
from st2slack.api.transport_errors import translate
from st2slack.base.errors import ResultTooLarge, SettingsError
from st2slack.base.urls import UnclearUrl, parse_address
from st2slack.settings.slack import Settings

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0
_CHUNK = 65536
LARGEST = 64 * 1024 * 1024  # bytes of an answer; StackStorm stores 16 MB
_UNEXPECTED_LIMIT = 64 * 1024  # bytes that are read of what is no answer of the Web API
_BLANKS = b"\xef\xbb\xbf \t\r\n"  # what may stand before JSON, a byte order mark among it


def send(request: Request, settings: Settings, http: Any, left: float) -> Any:
    """Send once and return the response, its body read (a file is left to be streamed).

    `http`: `requests` or a session; its `post` or `get` is looked up now. `left`: seconds that
    connecting, and waiting for the next bytes, may take. Raises a TransportError or SettingsError.
    """
    opened: Dict[str, Any] = {}
    credentials = HTTPBasicAuth(*request.basic) if request.basic else Bearer(request.token)
    clean = CleanLog(request.secrets)
    clean.begin()
    try:
        for name, path in request.files.items():
            opened[name] = open(path, "rb")  # noqa: SIM115 (closed below, after it was sent)
        response = _function(http, request.verb)(
            request.url,
            timeout=(min(CONNECT_TIMEOUT, left), min(READ_TIMEOUT, left)),
            auth=Guarded(request.url, credentials),
            allow_redirects=False,
            stream=True,
            **_route(request.url, settings),
            **_body(request, opened),
        )
        # Tests of 2.x users hand responses of their own making; only a real one is to be read.
        unread = type(response) is requests.Response and getattr(response, "_content", 0) is False
        if unread and not _is_saved(request, response):
            _read(response)
        return response
    except (faults.RequestException, HTTPError, UnicodeError, OSError, ValueError) as error:
        raise translate(error, request, settings) from None
    finally:
        clean.end()
        for stream in opened.values():
            stream.close()


class Bearer(AuthBase):
    """Puts the token into the Authorization header; without one, keeps the header away.

    As `auth=` and not as a header: `~/.netrc` replaces a header of ours, and would add its own
    password where there is none.
    """

    def __init__(self, token: Optional[str]) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers.pop("Authorization", None)
        if self._token:
            request.headers["Authorization"] = "Bearer " + self._token
        return request


class Guarded(AuthBase):
    """Adds credentials only where the request leads to where `url` leads.

    requests makes a URL of its own out of the given one, and calls this with it, before it connects
    and before a credential is in the request. Raises UnclearUrl.
    """

    def __init__(self, url: str, credentials: AuthBase) -> None:
        self._url = url
        self._credentials = credentials

    def __call__(self, request: Any) -> Any:
        if parse_address(str(request.url)) != parse_address(self._url):
            raise UnclearUrl("it would go to another host than the one that was checked")
        return self._credentials(request)


def _function(http: Any, verb: str) -> Callable[..., Any]:
    function: Callable[..., Any] = http.get if verb == "GET" else http.post
    return function


def _route(url: str, settings: Settings) -> Dict[str, Any]:
    """Proxy and CA of the config; what it does not name, requests takes from the environment."""
    route: Dict[str, Any] = {}
    proxies = proxies_for(url, settings)
    if proxies is not None:
        route["proxies"] = proxies
    if settings.ca_bundle:
        if not os.path.exists(settings.ca_bundle):
            raise SettingsError("Config key `ca_bundle`: there is no file %s." % settings.ca_bundle)
        route["verify"] = settings.ca_bundle
    return route


def _body(request: Request, opened: Mapping[str, Any]) -> Dict[str, Any]:
    headers = {"Accept-Encoding": decoding.ACCEPTED}
    if request.document is not None:
        return {"json": request.document, "headers": headers}
    if request.stream is not None:
        headers["Content-Type"] = "application/octet-stream"
        return {"data": request.stream, "headers": headers}
    if request.saves:  # as it is, so that its length can be compared with the one that was told
        return {"params": request.fields, "headers": {"Accept-Encoding": "identity"}}
    if request.verb == "GET":
        return {"params": request.fields, "headers": headers}
    if opened:
        files = [(name, (os.path.basename(stream.name), stream)) for name, stream in opened.items()]
        return {"data": request.fields, "files": files, "headers": headers}
    return {"data": request.fields, "headers": headers}


def _read(response: requests.Response) -> None:
    """Read the body, but no more than an answer can be: a proxy may send without end.

    Of what does not begin like an answer of the Web API the beginning is enough.
    """
    body = io.BytesIO()
    for piece in decoding.pieces(response, _CHUNK, LARGEST):
        body.write(piece)
        if body.tell() > _UNEXPECTED_LIMIT and not _begins_like_json(body):
            response.close()
            break
        if body.tell() > LARGEST:
            response.close()
            raise ResultTooLarge(
                "The answer has more than %d MB, which StackStorm cannot store. Ask for less at a "
                "time (`limit`, `max_items`, narrower arguments)." % (LARGEST // 1024 // 1024)
            )
    response._content = body.getvalue()  # what reading `.content` does, with an end to it


def _begins_like_json(body: io.BytesIO) -> bool:
    return bytes(body.getbuffer()[:INSPECTED_BYTES]).lstrip(_BLANKS).startswith(b"{")


def _is_saved(request: Request, response: Any) -> bool:
    return (request.saves and response.status_code == 200) or is_file(request, response)
