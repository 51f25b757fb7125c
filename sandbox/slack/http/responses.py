"""Sends Slack's answer, or spoils it as a fault says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Dict, Mapping, Optional, Type, Union

from aiohttp import web

from sandbox.slack.http import faults
from sandbox.slack.http.faulty_listener import arm_reset, cork

JSON_TYPE = "application/json; charset=utf-8"
POLL = 0.01


@dataclass(frozen=True)
class Response:
    """What is to be sent: a status, a body, its type, and further headers."""

    body: bytes
    content_type: str = JSON_TYPE
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(
        cls, document: Any, status: int = 200, headers: Optional[Dict[str, str]] = None
    ) -> Response:
        """An answer with this document as its body."""
        body = json.dumps(document, ensure_ascii=False).encode("utf-8")
        return cls(body, status=status, headers=headers or {})

    def response(self) -> web.StreamResponse:
        """The same as aiohttp sends it."""
        headers = {"Content-Type": self.content_type, **self.headers}
        return web.Response(status=self.status, body=self.body, headers=headers)


async def drop_empty_type(request: web.Request, response: web.StreamResponse) -> None:
    """Send no Content-Type where it is "": aiohttp has put one of its own where it is absent."""
    if response.headers.get("Content-Type") == "":
        del response.headers["Content-Type"]


@dataclass(frozen=True)
class Exchange:
    """One request on its way to an answer; `handler` is what answers it when all is well."""

    request: web.Request
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    stopping: asyncio.Event

    async def carry_out(self) -> Response:
        """Do what the request asks, and return what would be sent."""
        try:
            response = await self.handler(self.request)
        except web.HTTPException as error:  # no such route, or not with this verb
            return Response((error.text or "").encode("utf-8"), "text/plain", error.status)
        body = getattr(response, "body", b"")
        return Response(
            body if isinstance(body, bytes) else b"",
            response.headers.get("Content-Type", ""),
            response.status,
        )


async def respond(exchange: Exchange, action: faults.Action) -> web.StreamResponse:
    """What the action makes of Slack's answer."""
    return await SPOILERS[type(action)](exchange, action)


async def _instead(exchange: Exchange, action: Any) -> web.StreamResponse:
    return INSTEAD[type(action)](action).response()


def _rate_limited(action: faults.RateLimited) -> Response:
    headers = {} if action.retry_after is None else {"Retry-After": str(action.retry_after)}
    return Response.of_json({"ok": False, "error": "ratelimited"}, 429, headers)


def _status(action: faults.Status) -> Response:
    body = action.body.encode("utf-8") if isinstance(action.body, str) else action.body
    return Response(body, action.content_type, action.code, action.headers)


def _redirected(action: faults.Redirected) -> Response:
    return Response(b"", "text/plain", action.status, {"Location": action.location})


def _refused(action: faults.Refused) -> Response:
    return Response.of_json({"ok": False, "error": action.code, **action.extra})


async def _broken_json(exchange: Exchange, action: Any) -> web.StreamResponse:
    answer = await exchange.carry_out()
    return Response(answer.body[: len(answer.body) // 2], answer.content_type).response()


async def _unknown_charset(exchange: Exchange, action: Any) -> web.StreamResponse:
    body = (await exchange.carry_out()).body
    return Response(body, "application/json; charset=x-loopback-unknown").response()


async def _slow(exchange: Exchange, action: faults.Slow) -> web.StreamResponse:
    answer = await exchange.carry_out()
    await _wait(action.wait, exchange.stopping)
    return answer.response()


async def _wait(until: Union[float, threading.Event], stopping: asyncio.Event) -> None:
    """Wait for some seconds or for another thread's event, but never longer than the server."""
    if isinstance(until, threading.Event):
        while not (until.is_set() or stopping.is_set()):
            await asyncio.sleep(POLL)
        return
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(stopping.wait(), until)


async def _drip(exchange: Exchange, action: faults.Drip) -> web.StreamResponse:
    answer = await exchange.carry_out()
    response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
    response.headers["Content-Type"] = answer.content_type
    response.content_length = len(answer.body)
    await response.prepare(exchange.request)
    for number in range(len(answer.body)):
        if exchange.stopping.is_set():
            break
        await response.write(answer.body[number : number + 1])
        await _wait(action.pause, exchange.stopping)
    return response


async def _hang_up(exchange: Exchange, action: Any) -> web.StreamResponse:
    response = (await exchange.carry_out()).response()
    cork(_transport(exchange).get_extra_info("socket"))
    await response.prepare(exchange.request)
    await response.write_eof()
    _transport(exchange).close()
    return response


async def _cut_after_read(exchange: Exchange, action: faults.CutAfterRead) -> web.StreamResponse:
    await exchange.carry_out()
    transport = _transport(exchange)
    if action.reset:
        arm_reset(transport.get_extra_info("socket"))
    transport.abort()
    return web.Response()


async def _cut_midway(exchange: Exchange, action: Any) -> web.StreamResponse:
    answer = await exchange.carry_out()
    head = "HTTP/1.1 {} OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n".format(
        answer.status, answer.content_type, len(answer.body)
    )
    transport = _transport(exchange)
    transport.write(head.encode("ascii") + answer.body[: len(answer.body) // 2])
    transport.close()
    return web.Response()


def _transport(exchange: Exchange) -> Any:
    """The transport under the request; gone where the client has left already."""
    transport = exchange.request.transport
    if transport is None:
        raise ConnectionResetError("the client has left")
    return transport


INSTEAD: Dict[Type[faults.Action], Callable[[Any], Response]] = {
    faults.RateLimited: _rate_limited,
    faults.Status: _status,
    faults.Redirected: _redirected,
    faults.Refused: _refused,
}
SPOILERS: Dict[Type[faults.Action], Callable[[Exchange, Any], Awaitable[web.StreamResponse]]] = {
    **dict.fromkeys(INSTEAD, _instead),
    faults.BrokenJson: _broken_json,
    faults.UnknownCharset: _unknown_charset,
    faults.Slow: _slow,
    faults.Drip: _drip,
    faults.HangUp: _hang_up,
    faults.CutAfterRead: _cut_after_read,
    faults.CutMidway: _cut_midway,
}
