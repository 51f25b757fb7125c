"""One HTTP request, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional, Tuple

from st2slack.base.redact import redact
from st2slack.base.urls import host_of


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


def describe(request: Request, text: str) -> str:
    return "%s %s" % (request.method, redact(text, request.secrets))
