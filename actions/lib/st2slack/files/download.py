"""Fetching a file of Slack's to a path on the action runner.

files.info tells where the bytes are; they are fetched with the token, which goes to Slack's own
hosts only. Who may not have a file gets no error from there, but the sign-in page with HTTP 200.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Dict, Mapping, Tuple
from urllib.parse import urljoin

from st2slack.api.client import Client, rate_limited
from st2slack.api.file_hosts import is_slacks
from st2slack.api.methods import find_method
from st2slack.api.request import Request
from st2slack.api.response import REDIRECTS, redirected_to, server_error, unexpected_response
from st2slack.base.errors import InputError, UnexpectedResponse
from st2slack.base.ids import FILE_ID
from st2slack.files.save import Limits, Saved, check_size, check_target, store
from st2slack.settings.slack import Settings

NAME = "files.download"
INFO = "files.info"
MOST_REDIRECTS = 3
LONGEST_NAME = 255  # bytes that a file's name may have

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GONE = ("tombstone", "hidden_by_limit")


@dataclass(frozen=True)
class _Target:
    """Where a file goes. `path`: of the file; or of the folder where it keeps its name."""

    path: str
    overwrite: bool

    def file_for(self, info: Mapping[str, Any]) -> str:
        """The path of the file itself."""
        if not os.path.isdir(self.path):
            return self.path
        name = safe_name(info.get("name"), str(info.get("id")))
        return check_target(os.path.join(self.path, name), self.overwrite)


def fetch(client: Client, given: Mapping[str, Any]) -> Dict[str, Any]:
    """Save the file `given["file"]` (an ID) at `given["save_to"]`, a path or a folder.

    Returns {"ok": True, "file", "path", "bytes", "sha256", "name", "mimetype"}. Raises a SlackError
    and leaves nothing behind where the file cannot be had whole.
    """
    limits = Limits(most=_most(given.get("max_bytes")))
    target = _target(given)
    arguments = {"file": _file_id(given.get("file"))}
    asked, _ = client.prepare(INFO, arguments)
    info = _info(client.call(INFO, arguments))
    url = _address(info, client.settings)
    check_size(_size(info), limits)
    if info.get("mimetype") == "text/html":
        limits = replace(limits, exactly=_size(info))  # a sign-in page is HTML as well
    path = target.file_for(info)
    request = Request(
        method=NAME,
        url=url,
        verb="GET",
        token=asked.token,
        writes=False,
        saves=True,
        secrets=asked.secrets,
    )
    attempt = partial(_attempt, client, info, path, target.overwrite, limits)
    saved: Saved = client.call_with_retries(request, find_method(INFO), attempt)
    return {
        "ok": True,
        "file": info.get("id"),
        "path": saved.path,
        "bytes": saved.size,
        "sha256": saved.sha256,
        "name": info.get("name"),
        "mimetype": info.get("mimetype"),
    }


# --- what is asked for --------------------------------------------------------------------------


def _file_id(value: Any) -> str:
    if not isinstance(value, str) or not FILE_ID.fullmatch(value):
        raise InputError("Parameter `file` must be the ID of a file, e.g. F0123456789.")
    return value


def _most(value: Any) -> Any:
    if value is not None and value < 1:
        raise InputError("Parameter `max_bytes` must be 1 or more.")
    return value


def _target(given: Mapping[str, Any]) -> _Target:
    overwrite = bool(given.get("overwrite"))
    path = os.path.expanduser(str(given.get("save_to") or ""))
    if path and "\0" not in path and os.path.isdir(path):
        return _Target(os.path.abspath(path), overwrite)
    return _Target(check_target(path, overwrite), overwrite)


def safe_name(name: Any, file_id: str) -> str:
    """A name for the file in a folder: it leads nowhere else, is never hidden nor empty, and fits.

    `file_id` stands in for a name of which nothing is left; it comes from Slack as well.
    """
    text = name if isinstance(name, str) else ""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    begin = next((place for place, each in enumerate(text) if not _is_skipped(each)), len(text))
    text = _shortened("".join(_safe(each) for each in text[begin:].rstrip())).rstrip()
    return text or re.sub(r"[^A-Za-z0-9_-]", "", file_id)[:LONGEST_NAME] or "file"


def _safe(character: str) -> str:
    """The character as it may stand in a name: separators and what breaks a line become `_`.

    Also what a file system may fold into a separator; what turns the direction of text is left out,
    for it makes one name look like another.
    """
    if _UNSAFE.search(unicodedata.normalize("NFKC", character)):
        return "_"
    return "" if _DIRECTION.match(character) else character


def _is_skipped(character: str) -> bool:
    """Whether no name begins with it: dots, blanks, and what is not seen."""
    folded = unicodedata.normalize("NFKC", character)
    return folded.startswith(".") or character.isspace() or unicodedata.category(character) == "Cf"


def _shortened(text: str) -> str:
    """The name in no more bytes than a file system takes; its extension stays."""
    if len(text.encode("utf-8")) <= LONGEST_NAME:
        return text
    stem, extension = os.path.splitext(text)
    extension = extension if len(extension.encode("utf-8")) <= 32 else ""
    room = LONGEST_NAME - len(extension.encode("utf-8"))
    begin = (stem if extension else text).encode("utf-8")[:room].decode("utf-8", "ignore")
    return begin + extension


# --- where it is --------------------------------------------------------------------------------


def _info(answer: Any) -> Dict[str, Any]:
    info = answer.get("file")
    if isinstance(info, dict):
        return info
    raise UnexpectedResponse("%s answered no file. Check the config key `api_url`." % INFO)


def _size(info: Mapping[str, Any]) -> Any:
    size = info.get("size")
    return size if isinstance(size, int) else None


def _address(info: Mapping[str, Any], settings: Settings) -> str:
    """Where the bytes are. Raises InputError where Slack has none to give."""
    file_id = info.get("id")
    if info.get("mode") in _GONE:
        raise InputError(
            "Parameter `file`: %s was deleted, or is older than what the workspace's plan shows; "
            "Slack does not give it out." % file_id
        )
    if info.get("is_external") or info.get("mode") == "external":
        raise InputError(
            "Parameter `file`: the bytes of %s are not in Slack but with %s. Fetch it there."
            % (file_id, info.get("external_type") or "another service")
        )
    url = info.get("url_private_download") or info.get("url_private")
    if not isinstance(url, str):
        raise InputError(
            "Parameter `file`: Slack tells no address where the bytes of %s are (mode %s)."
            % (file_id, info.get("mode"))
        )
    if not is_slacks(url, settings):
        raise UnexpectedResponse(
            "%s: the address of %s is on no host of Slack's, so the token is not sent there. Check "
            "the config key `api_url`." % (NAME, file_id)
        )
    return url


# --- how it comes -------------------------------------------------------------------------------


def _attempt(
    client: Client,
    info: Mapping[str, Any],
    path: str,
    overwrite: bool,
    limits: Limits,
    request: Request,
    method: Any,
    left: float,
) -> Saved:
    response, request = _followed(client, request, left)
    _accept(response, request, info)
    return store(response, path, overwrite, NAME, limits)


def _followed(client: Client, request: Request, left: float) -> Tuple[Any, Request]:
    """The response, and where it came from: redirects are followed among Slack's hosts."""
    response = client.send(request, left)
    for _ in range(MOST_REDIRECTS):
        if response.status_code not in REDIRECTS:
            break
        url = _redirect(request.url, response)
        if not is_slacks(url, client.settings):
            raise UnexpectedResponse(
                "%s was redirected to %s. That is no host of Slack's: the token is not sent there."
                % (NAME, redirected_to(response))
            )
        request = replace(request, url=url)
        response = client.send(request, left)
    return response, request


def _redirect(url: str, response: Any) -> str:
    """The URL that a redirect names; "" for one that cannot be read."""
    try:
        return urljoin(url, str(response.headers.get("Location") or ""))
    except ValueError:
        return ""


def _accept(response: Any, request: Request, info: Mapping[str, Any]) -> None:
    """Raise unless this is the file."""
    status = response.status_code
    kind = str(response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if status == 429:
        raise rate_limited(response, request)
    if status in range(500, 600):
        raise server_error(response, request)
    if status in (401, 403, 404, 410):
        raise UnexpectedResponse(
            "%s: %s answered HTTP %s. The file is gone, or the token may not see it."
            % (NAME, request.host, status)
        )
    if status in REDIRECTS:
        raise UnexpectedResponse("%s was redirected more than %d times." % (NAME, MOST_REDIRECTS))
    if status != 200:
        raise unexpected_response(response, request)
    if kind == "text/html" and info.get("mimetype") != "text/html":
        response.close()
        raise UnexpectedResponse(
            "%s got a sign-in page instead of the file. Check that the token has the scope "
            "files:read and may see the file; a proxy may ask for a sign-in too." % NAME
        )
