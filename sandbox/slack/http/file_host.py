"""Where the bytes of files come and go: upload URLs, and files that a token may fetch.

An upload URL takes the bytes once, raw or as the file of a multipart form, without a token, and
answers `OK - SIZE`. Both addresses of a file, `url_private` and `url_private_download`, give it to
whoever has a token with files:read; everybody else gets the sign-in page, with HTTP 200.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional
from urllib.parse import quote

from aiohttp import web

from sandbox.slack.http import http_request
from sandbox.slack.http.faulty_listener import arm_reset
from sandbox.slack.http.responses import Response
from sandbox.slack.state.tokens import Token
from sandbox.slack.state.workspace import Json, Upload, Workspace

UPLOAD = "/upload/v1/{ticket}"
PRIVATE = "/files-pri/{key}/{name}"
DOWNLOAD = "/files-pri/{key}/download/{name}"
KEPT = 64 * 1024 * 1024  # bytes of an upload that are kept; of a larger one only size and hash
_CHUNK = 65536
SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body></body></html>"


@dataclass
class Body:
    """A body while it comes in. `content` stays empty where it is larger than KEPT."""

    size: int = 0
    content: bytearray = field(default_factory=bytearray)
    sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        self.sha256.update(chunk)
        if self.size <= KEPT:
            self.content += chunk
        else:
            self.content.clear()


async def receive(request: web.Request, limit: Optional[int] = None) -> Body:
    """Read a body piece by piece; with `limit`, leave it after so many bytes."""
    body = Body()
    async for chunk in request.content.iter_chunked(_CHUNK):
        body.add(chunk)
        if limit is not None and body.size >= limit:
            break
    return body


async def cut(request: web.Request, after: int, reset: bool) -> web.Response:
    """Read so many bytes, then end the connection."""
    await receive(request, after)
    transport = request.transport
    if transport is not None:
        if reset:
            arm_reset(transport.get_extra_info("socket"))
        transport.abort()
    return web.Response()


def upload_url(root: str, upload: Upload) -> str:
    """The URL that takes the bytes of this upload."""
    return root + UPLOAD.strip("/").format(ticket=upload.ticket)


def uploaded_file(request: http_request.Request, body: Body) -> Optional[Body]:
    """The file in the body of an upload: the whole body, or the one file of a multipart form. None
    for a form without a file, or one too large to be read (over KEPT bytes)."""
    if request.content_type != http_request.MULTIPART:
        return body
    if len(request.files) != 1:
        return None
    file = Body()
    for _, content in request.files.values():
        file.add(content)
    return file


def take(workspace: Workspace, ticket: str, body: Optional[Body]) -> Response:
    """Keep the bytes for the one upload that they are for."""
    with workspace.lock:
        upload = next((each for each in workspace.uploads.values() if each.ticket == ticket), None)
        if upload is None or upload.received is not None:
            return Response(b"no such upload", "text/plain", 404)
        if body is None:
            return Response(b"the form has no file", "text/plain", 400)
        if body.size != upload.length:
            return Response(b"the length is another one than announced", "text/plain", 400)
        upload.received = body.size
        upload.sha256 = body.sha256.hexdigest()
        upload.content = bytes(body.content)
    return Response("OK - {}".format(body.size).encode(), "text/plain")


def give(
    workspace: Workspace, tokens: Mapping[str, Token], key: str, request: http_request.Request
) -> Response:
    """The bytes of a file; the sign-in page for who may not have them."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    token = tokens.get(text.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.state != "live" or not token.has_one_of(["files:read"]):
        return Response(SIGN_IN.encode(), "text/html; charset=utf-8")
    with workspace.lock:
        file = workspace.files.get(key.rpartition("-")[2])
        if file is None or file["mode"] == "tombstone":
            return Response(b"<html>no such file</html>", "text/html", 404)
        return Response(content_of(workspace, file), file["mimetype"])


def content_of(workspace: Workspace, file: Json) -> bytes:
    """What was uploaded; for the files that were there from the beginning, their name again and
    again."""
    stored = workspace.contents.get(file["id"])
    if stored is not None:
        return stored
    line = "{}\n".format(file["name"]).encode("utf-8")
    return bytes((line * (file["size"] // len(line) + 1))[: file["size"]])


def with_addresses(root: str, team: str, file: Json) -> Json:
    """A file as its readers see it, with the addresses of its bytes."""
    if file["mode"] not in ("hosted", "snippet"):
        return file
    key = "{}-{}".format(team, file["id"])
    # Clients take dots alone for steps in the path.
    name = quote(file["name"], safe="") if file["name"].strip(".") else file["id"]
    private, download = (root + route.strip("/") for route in (PRIVATE, DOWNLOAD))
    return {
        "url_private": private.format(key=key, name=name),
        "url_private_download": download.format(key=key, name=name),
        **file,
    }
