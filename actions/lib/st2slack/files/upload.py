"""Uploading files: ask for a URL, send the bytes there, complete.

Nothing is in Slack before files.completeUploadExternal, so everything up to there may be tried
again, each time with a fresh URL; completing is a write like any other and is never sent twice
when the first may have arrived. (docs.slack.dev, "Working with files", "Uploading files")
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from st2slack.api.client import Client, rate_limited
from st2slack.api.file_hosts import takes_uploads
from st2slack.api.methods import find_method
from st2slack.api.request import Request
from st2slack.api.response import (
    REDIRECTS,
    excerpt,
    first_text,
    has_text,
    redirected_to,
    server_error,
    unexpected_response,
)
from st2slack.api.retry import TROUBLE
from st2slack.base.errors import (
    InputError,
    ResponseLost,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.base.ids import PERSON_ID, Kind, parse_mention, split_list
from st2slack.base.urls import secret_parts
from st2slack.files.upload_body import Progress, Source, sources
from st2slack.people.channel_lookup import conversation_ids
from st2slack.settings.slack import Settings

NAME = "files.upload"
GET_URL = "files.getUploadURLExternal"
COMPLETE = "files.completeUploadExternal"
MOST_CHANNELS = 100  # that one upload can be shared with
LARGE = 8 * 1024 * 1024  # bytes from which on it is told how far it is

_TAKEN = re.compile(r"OK - (\d+)\s*")

Find = Callable[[Sequence[str]], Sequence[str]]  # IDs, mentions and names → IDs, in their order


class _UrlRefused(UnexpectedResponse):
    """The upload URL is no good (any more): worth one fresh one."""


# --- what is asked for --------------------------------------------------------------------------


def channel_ids(channels: Optional[str], find: Find) -> List[str]:
    """IDs of the conversations that a comma-separated list names, each once, in its order.

    `find` is asked after all were looked at.
    """
    given = list(dict.fromkeys(each for each in split_list(channels) if each.strip("#")))
    for each in given:
        if _is_person(each):
            raise InputError(
                "Parameter `channels`: %s is a person, not a conversation. Open one with "
                "slack.conversations.open and give the ID it answers (D...)." % each
            )
    _check_count(given)
    return list(dict.fromkeys(find(given)))


def _is_person(given: str) -> bool:
    mention = parse_mention(given)
    if mention:
        return mention.kind is Kind.PERSON
    return given.startswith("@") or bool(PERSON_ID.fullmatch(given.lstrip("#")))


def _check_count(channels: List[str]) -> None:
    if len(channels) > MOST_CHANNELS:
        raise InputError(
            "Parameter `channels` names %d; Slack shares an upload in at most %d. Share the file "
            "in the others by its permalink." % (len(channels), MOST_CHANNELS)
        )


def completion(given: Mapping[str, Any], channels: List[str]) -> Dict[str, Any]:
    """The arguments of the last call, but for `files`."""
    thread = given.get("thread_ts") or None
    if thread and len(channels) != 1:
        raise InputError(
            "Parameter `thread_ts` needs exactly one channel in `channels`, not %d." % len(channels)
        )
    return {
        "channel_id": channels[0] if len(channels) == 1 else None,
        "channels": ",".join(channels) if len(channels) > 1 else None,
        "thread_ts": thread,
        "initial_comment": given.get("initial_comment") or None,
    }


# --- how it is done -----------------------------------------------------------------------------


def upload(client: Client, given: Mapping[str, Any], progress: Progress) -> Dict[str, Any]:
    """Upload and share what the action's parameters `given` say; Slack's answer with the `files`.

    Raises a SlackError; its text tells whether anything was shared.
    """
    files = sources(given)
    # All that can be known to be wrong is said before the first byte goes out.
    client.prepare(COMPLETE, {**_texts(given), "files": []})
    channels = channel_ids(
        given.get("channels"), partial(conversation_ids, client, parameter="channels")
    )
    arguments = completion(given, channels)
    uploader = Uploader(client, progress)
    done = [uploader.send(each, number, len(files)) for number, each in enumerate(files, 1)]
    return uploader.complete(done, arguments)


def _texts(given: Mapping[str, Any]) -> Dict[str, Any]:
    """What people wrote themselves: it may hold what cannot be sent."""
    names = ("initial_comment", "title", "alt_txt", "filename", "thread_ts", "snippet_type")
    return {name: given.get(name) for name in names}


class Uploader:
    """Sends files and completes their upload, with one client."""

    def __init__(self, client: Client, progress: Progress) -> None:
        self._client = client
        self._progress = progress

    def send(self, source: Source, number: int = 1, of: int = 1) -> Dict[str, Any]:
        """Send the bytes; returns what completing needs: {"id", "title"}. Nothing is shared yet."""

        def attempt(request: Request, method: Any, left: float) -> str:
            try:
                return self._once(source, left)
            except _UrlRefused:
                return self._again(source, left)

        try:
            request = Request(method=NAME, url=self._client.settings.api_url, writes=False)
            file_id = self._client.call_with_retries(request, find_method(GET_URL), attempt)
        except SlackError as error:
            which = "" if of == 1 else " This was %r, file %d of %d." % (source.name, number, of)
            error.add(which + " Nothing was shared.")
            raise error from None
        return {"id": file_id, "title": source.title or source.name}

    def _again(self, source: Source, left: float) -> str:
        """With a fresh URL: the first may have expired while the bytes went out."""
        try:
            return self._once(source, left)
        except _UrlRefused as error:
            raise UnexpectedResponse("%s A fresh URL was refused too." % error) from None

    def _once(self, source: Source, left: float) -> str:
        """A URL, and the bytes sent to it: the ID that the file will have."""
        with source.opened(self._progress) as body:
            arguments = {
                "filename": source.name,
                "length": len(body),
                "alt_txt": source.alt_txt,
                "snippet_type": source.snippet_type,
            }
            asking, method = self._client.prepare(GET_URL, arguments)
            answer = self._client.send_and_check(asking, method, left)
            url, file_id = check_place(answer, self._client.settings)
            secrets = (*secret_parts(url), *asking.secrets)
            request = Request(method=NAME, url=url, stream=body, secrets=secrets)
            _accept(self._client.transfer(request, left, lambda: body.sent), request, len(body))
            return file_id

    def complete(self, files: List[Dict[str, Any]], arguments: Mapping[str, Any]) -> Dict[str, Any]:
        """Make the files and share them. Slack's answer."""
        try:
            answer: Dict[str, Any] = self._client.call(COMPLETE, {"files": files, **arguments})
            return answer
        except SlackError as error:
            if not _may_have_arrived(error):  # else its message says so already
                error.add(" The upload was not completed: nothing was shared.")
            raise


def check_place(answer: Any, settings: Settings) -> Tuple[str, str]:
    """(upload URL, ID of the file) of Slack's answer, if a file may be sent there."""
    if not isinstance(answer, dict):  # a mock in a test of a 2.x user
        return str(answer["upload_url"]), str(answer["file_id"])
    url, file_id = answer.get("upload_url"), answer.get("file_id")
    if not isinstance(url, str) or not isinstance(file_id, str) or not takes_uploads(url, settings):
        raise UnexpectedResponse(
            "%s answered no upload URL, or one that is not https, or not on a host of Slack's "
            "for files, so no file is sent there. Check the config keys `api_url` and "
            "`file_hosts`, and the proxy." % GET_URL
        )
    return url, file_id


def _accept(response: Any, request: Request, size: int) -> None:
    """Raise unless all bytes were taken (docs.slack.dev: HTTP 200 says so)."""
    status = response.status_code
    if status == 429:
        raise rate_limited(response, request)
    if status in REDIRECTS:
        raise UnexpectedResponse(
            "%s was redirected (HTTP %s) from the upload URL to %s. A file goes where Slack said "
            "and nowhere else. Check the proxy." % (NAME, status, redirected_to(response))
        )
    if status in range(500, 600):
        raise server_error(response, request)
    if status in range(400, 500):
        raise _UrlRefused(
            "%s was refused at the upload URL (HTTP %s): %s."
            % (NAME, status, excerpt(response, request) or "no text")
        )
    if not has_text(response):
        return
    text = first_text(response)
    taken = _TAKEN.fullmatch(text)
    if status != 200 or text.lstrip().startswith("<"):
        raise unexpected_response(response, request)
    if taken and int(taken.group(1)) != size:
        raise ResponseLost(
            "%s sent %d bytes, and %s arrived at %s." % (NAME, size, taken.group(1), request.host)
        )


def _may_have_arrived(error: SlackError) -> bool:
    if isinstance(error, SlackApiError):
        return error.code in TROUBLE
    return isinstance(error, ResponseLost)


def paced(
    say: Callable[[str], None], every: float, clock: Callable[[], float], large: int = LARGE
) -> Progress:
    """A Progress that says how far a large file is, at most once in `every` seconds."""
    last = [clock()]

    def progress(name: str, sent: int, size: int) -> None:
        if size < large:
            return
        now = clock()
        if now - last[0] >= every and sent < size:
            last[0] = now
            mega = 1024.0 * 1024.0
            text = "%s: %s: %d %% sent, %.0f of %.0f MB"
            say(text % (NAME, name, 100 * sent // size, sent / mega, size / mega))

    return progress
