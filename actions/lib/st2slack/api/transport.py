"""One try of one call: the only file that knows `requests` and its errors.

They are translated here, once, into what can be concluded from them: whether the request surely
did not arrive (`RequestNotSent`), may have arrived (`ResponseLost`), or would fail the same way
again. Tried on Python 3.8 and 3.12: only a name that is not found, a refused or hanging connection
and a proxy that refuses the tunnel surely mean "not arrived". A TLS handshake that is cut raises
the same as an answer that is cut, so it counts as "may have arrived".
"""

from __future__ import annotations

import codecs
import io
import json
import math
import os
import re
import ssl
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Type
from urllib.parse import urlsplit

import requests
from requests import exceptions as faults
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeout

from st2slack.api import decoding
from st2slack.api.log_filter import CleanLog
from st2slack.api.proxy import proxies_for
from st2slack.base.errors import (
    CertificateError,
    RequestNotSent,
    ResponseLost,
    ResultTooLarge,
    SettingsError,
    TransportError,
    UnexpectedResponse,
)
from st2slack.base.redact import redact
from st2slack.base.urls import UnclearUrl, host_of, parse_address
from st2slack.settings.slack import Settings

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0
_CHUNK = 65536
REDIRECTS = (301, 302, 303, 307, 308)
LARGEST = 64 * 1024 * 1024  # bytes of an answer; StackStorm stores 16 MB
_FOREIGN = 64 * 1024  # bytes that are read of what is no answer of the Web API
_LOOKED_AT = 4 * 1024  # bytes that are looked at to say what it is
_BEGINNING = 200  # characters of a foreign answer that a message shows
_BLANKS = b"\xef\xbb\xbf \t\r\n"  # what may stand before JSON, a byte order mark among it

_SLACKS = re.compile(r"\bSlack\b|\bslack-edge\.com\b")

Verdict = Tuple[Type[Exception], str]  # an error class and what to say


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


@dataclass(frozen=True, repr=False)
class Request:
    """What is sent. `fields`: form fields, or a `document` as JSON; `files`: argument → path.

    `stream`: the raw body instead of all that, read while it is sent; it has `read` and a length.
    `saves`: the body of an HTTP 200 is left to be read by whoever saves it. `method` names it in
    messages; `secrets` are never shown.
    """

    method: str
    url: str
    verb: str = "POST"
    fields: List[Tuple[str, str]] = field(default_factory=list)
    document: Optional[Mapping[str, Any]] = None
    files: Mapping[str, str] = field(default_factory=dict)
    stream: Optional[Any] = None
    saves: bool = False
    token: Optional[str] = None
    basic: Optional[Tuple[str, str]] = None
    writes: bool = True
    gzip: bool = False
    secrets: Tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Host of the URL, for messages."""
        return host_of(self.url)

    def __repr__(self) -> str:
        # The URL of a webhook is a credential, and any field may be one.
        return "Request(method=%r, verb=%r, host=%r)" % (self.method, self.verb, self.host)


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


def parse(response: Any, request: Request) -> Any:
    """The JSON object in a response. Raises a TransportError for any other answer.

    Compares the status by membership only: tests of 2.x users hand a bare MagicMock as the
    response.
    """
    refuse_redirect(response, request)
    try:
        answer = read_json(response)
    except (ValueError, RecursionError):
        raise foreign(response, request) from None
    if isinstance(answer, (list, str, int, float, type(None))) or _says_nothing(answer):
        raise foreign(response, request)
    if response.status_code in range(500, 600):
        raise trouble(response, request)
    return answer


def read_json(response: Any) -> Any:
    """The JSON in a response; ValueError or RecursionError where there is none.

    `requests` would guess at the charset of a whole foreign body.
    """
    if type(response) is not requests.Response:
        return response.json()
    return json.loads((response.content or b"").decode("utf-8-sig"))


def _says_nothing(answer: Any) -> bool:
    """An object without `ok` comes from somebody else, a gateway say."""
    return isinstance(answer, dict) and "ok" not in answer


def refuse_redirect(response: Any, request: Request) -> None:
    """Raises UnexpectedResponse for a redirect."""
    if response.status_code not in REDIRECTS:
        return
    text = (
        "was redirected (HTTP %s) to %s. Redirects are not followed: they would take the "
        "token along. Check `api_url` and the proxy."
    )
    raise UnexpectedResponse(_say(request, text % (response.status_code, redirected_to(response))))


def trouble(response: Any, request: Request) -> TransportError:
    """The error for a status of 5xx. It is Slack's where nothing shows that it is another's."""
    said = "met a fault on Slack's side (HTTP %s)" % response.status_code
    text = beginning(response, request)
    if text and not is_slacks_page(response) and not text.startswith("{"):
        said += ", or of something in between (a proxy, a gateway): %s" % text
    else:
        said += "."
    return ResponseLost(_say(request, said))


def is_slacks_page(response: Any) -> bool:
    """Whether an answer that is no JSON shows that Slack sent it.

    By a header of Slack's or by its name; a proxy's page has the host in small letters at most.
    """
    names = [str(name).lower() for name in response.headers]
    own = any(name.startswith("x-slack-") for name in names)
    return own or _SLACKS.search(first_text(response)) is not None


def translate(error: BaseException, request: Request, settings: Settings) -> Exception:
    """What `error` means for the request, without anything secret in it."""
    kind, text = (
        _distrusted(error, request)
        or _unusable(error, settings)
        or _not_arrived(error, request, settings)
        or _perhaps_arrived(error, request)
        or _never_sent(error)
    )
    return kind(_say(request, text))


def _distrusted(error: BaseException, request: Request) -> Optional[Verdict]:
    found = _find(error, ssl.SSLCertVerificationError)
    if found is None:
        return None
    why = getattr(found, "verify_message", "") or "it does not verify"
    return CertificateError, (
        "did not trust the certificate of %s (%s). If a proxy or an own CA stands "
        "between, name its CA file in the config key `ca_bundle` or in "
        "REQUESTS_CA_BUNDLE." % (request.host, why)
    )


def _unusable(error: BaseException, settings: Settings) -> Optional[Verdict]:
    """What a setting makes impossible; nothing was sent."""
    if _find(error, LocationParseError) is not None:
        return SettingsError, "cannot be sent: `api_url` or `proxy` names no host."
    if _find(error, ssl.SSLError) is None:
        return None
    bundle = settings.ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        ssl.create_default_context(cafile=bundle or None)
    except OSError:
        return SettingsError, (
            "cannot be sent: the CA file %s holds no certificates. Check the config key "
            "`ca_bundle` and REQUESTS_CA_BUNDLE." % bundle
        )
    return None


def _not_arrived(error: BaseException, request: Request, settings: Settings) -> Optional[Verdict]:
    if isinstance(error, faults.ProxyError) and _before_the_tunnel(error):
        return RequestNotSent, (
            "was stopped by the proxy%s: %s. Check the config key `proxy`, HTTPS_PROXY and "
            "NO_PROXY." % (_proxy_name(settings), _root(error))
        )
    if isinstance(error, faults.ConnectTimeout):
        return RequestNotSent, (
            "could not reach %s: no connection in time. Check network, firewall and proxy."
            % request.host
        )
    if isinstance(error, faults.ConnectionError) and _find(error, NewConnectionError) is not None:
        return RequestNotSent, (
            "could not reach %s: %s. Check network, DNS and proxy." % (request.host, _root(error))
        )
    return None


def _before_the_tunnel(error: BaseException) -> bool:
    """urllib3 blames the proxy also for what breaks in a tunnel that stood (tried: 1.26 to 2.8)."""
    return (
        _find(error, NewConnectionError) is not None
        or _find(error, ConnectTimeoutError) is not None
        or _root(error).startswith("Tunnel connection failed")
    )


def _perhaps_arrived(error: BaseException, request: Request) -> Optional[Verdict]:
    if type(error) is ValueError:
        # What we send was checked before; requests reads the address of a redirect by itself.
        return ResponseLost, "got an answer that cannot be used (%s)." % _root(error)
    if isinstance(error, (faults.ContentDecodingError, DecodeError)):
        return ResponseLost, "got an answer that cannot be decoded (%s)." % _root(error)
    if isinstance(error, (faults.Timeout, HTTPTimeout)):
        return ResponseLost, "got no answer from %s in time." % request.host
    if isinstance(
        error,
        (
            faults.ConnectionError,
            faults.ChunkedEncodingError,
            HTTPError,
        ),
    ):
        return ResponseLost, "lost the connection to %s (%s)." % (request.host, _root(error))
    return None


def _never_sent(error: BaseException) -> Verdict:
    """What is left was raised before anything went out: a URL, header or file that is no good."""
    return SettingsError, (
        "cannot be sent (%s: %s). Check `api_url`, `proxy`, `ca_bundle`, "
        "REQUESTS_CA_BUNDLE and the token." % (type(error).__name__, _root(error))
    )


def beginning(response: Any, request: Request) -> str:
    """The first characters of a foreign answer, on one line, without secrets."""
    text = redact(" ".join(first_text(response).split()), request.secrets)
    return text if len(text) <= _BEGINNING else text[:_BEGINNING] + "..."


def first_text(response: Any) -> str:
    """The first kilobytes of the body as text, ended between words: half a secret is one, too."""
    if type(response) is not requests.Response:
        return str(getattr(response, "text", "") or "")
    content = response.content or b""
    head, cut = content[:_LOOKED_AT], len(content) > _LOOKED_AT
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=not cut)
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    return text.rpartition(" ")[0] or text if cut else text


def has_text(response: Any) -> bool:
    """Whether the body is text to be judged; a test of a 2.x user may hand a mock without one."""
    return type(response) is requests.Response or isinstance(response.text, str)


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
        if body.tell() > _FOREIGN and not _begins_like_json(body):
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
    return bytes(body.getbuffer()[:_LOOKED_AT]).lstrip(_BLANKS).startswith(b"{")


def _is_saved(request: Request, response: Any) -> bool:
    return (request.saves and response.status_code == 200) or is_file(request, response)


def is_file(request: Request, response: Any) -> bool:
    """Whether the body is the file that was asked for, and no answer about it."""
    kind = str(response.headers.get("Content-Type", ""))
    return (
        request.gzip
        and response.status_code == 200
        and not any(each in kind for each in ("json", "html", "text/"))
    )


def foreign(response: Any, request: Request) -> TransportError:
    """The error for an answer that does not come from Slack, or not whole."""
    failed = response.status_code in range(500, 600)
    if failed and is_slacks_page(response):
        return trouble(response, request)
    status, text = response.status_code, beginning(response, request)
    what = "a body that is not JSON"
    if text.startswith("{"):
        what = "JSON that is no answer of Slack's, or not whole"
    elif not text:
        what = "an empty body"
    elif text.lower().startswith(("<!doctype", "<html")):
        what = "HTML, not JSON, so it comes from something in between (a proxy, a gateway)"
        if failed:
            what = "HTML, not JSON, from Slack or from something in between (a proxy, a gateway)"
    message = _say(request, "got HTTP %s with %s%s" % (status, what, ": " + text if text else "."))
    return UnexpectedResponse(message) if status in range(400, 500) else ResponseLost(message)


def redirected_to(response: Any) -> str:
    """The host that a redirect leads to, for messages."""
    target = str(response.headers.get("Location") or "")
    try:
        has_host = bool(urlsplit(target).netloc)
    except ValueError:
        has_host = True
    if not has_host:
        return "another path"
    host = host_of(target)
    return host if host != "?" else "an address that cannot be read with certainty"


def _say(request: Request, text: str) -> str:
    return "%s %s" % (request.method, redact(text, request.secrets))


def _proxy_name(settings: Settings) -> str:
    host = urlsplit(settings.proxy).hostname if settings.proxy else None
    return " " + host if host else ""


def _find(error: BaseException, kind: type) -> Optional[BaseException]:
    """The first error of `kind` among `error` and what it wraps."""
    if isinstance(error, kind):
        return error
    found = (_find(each, kind) for each in _wrapped(error))
    return next((each for each in found if each is not None), None)


def _root(error: BaseException) -> str:
    """The innermost reason in few words: "Connection refused" rather than three wrapped objects."""
    while True:
        inner = next(_wrapped(error), None)
        if inner is None:
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")[:300]


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The errors that `error` was made from."""
    for each in (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args):
        if isinstance(each, BaseException) and each is not error:
            yield each


def is_number(text: Any) -> bool:
    """Whether `text` is a finite number of seconds, not negative."""
    try:
        return math.isfinite(float(text)) and float(text) >= 0
    except (TypeError, ValueError):
        return False
