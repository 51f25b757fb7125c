"""PURE: the bytes of one request → what it says. Nothing is judged here, only read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import parse_qsl, unquote

Pairs = List[Tuple[str, str]]
Files = Dict[str, Tuple[str, bytes]]

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"
PLAIN = "text/plain"


@dataclass(frozen=True)
class Request:
    """One request that was read whole.

    `method`: name of the Web API method, "" outside `/api/`; `verb`: GET, POST …;
    `query`, `form`: pairs as sent, in order; `json`: the parsed JSON body, else None;
    `args`: query, form and JSON body merged, the body wins; `files`: name → (filename, bytes);
    `connection`: number of the TCP connection, from 1;
    `problem`: Slack's code for a body that cannot be read, else "".
    """

    method: str
    verb: str
    path: str
    query: Pairs
    headers: Mapping[str, str]
    body: bytes
    connection: int
    content_type: str = ""
    form: Pairs = field(default_factory=list)
    json: Any = None
    files: Files = field(default_factory=dict)
    args: Dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def read(
    method: str,
    verb: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    connection: int = 0,
) -> Request:
    """Make a Request of what arrived; `target` is the raw path with its query."""
    path, _, query_text = target.partition("?")
    query = parse_qsl(query_text, keep_blank_values=True)
    content_type, charset, boundary = split_content_type(headers.get("Content-Type", ""))
    form: Pairs = []
    files: Files = {}
    document: Any = None
    problem = ""
    try:
        if content_type == FORM:
            form = parse_qsl(body.decode(charset), keep_blank_values=True)
        elif content_type == MULTIPART:
            form, files = split_multipart(body, boundary)
        elif content_type == JSON and body:
            document = json.loads(body.decode(charset))
            problem = "" if isinstance(document, dict) else "json_not_object"
        else:
            problem = _problem_of_type(content_type, body)
    except LookupError:
        problem = "invalid_charset"
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are both of this kind
        problem = "invalid_json" if content_type == JSON else "invalid_form_data"
    members = document if isinstance(document, dict) else {}
    return Request(
        method,
        verb,
        unquote(path),
        query,
        headers,
        body,
        connection,
        content_type,
        form,
        document,
        files,
        {**dict(query), **dict(form), **members},
        problem,
    )


def split_content_type(header: str) -> Tuple[str, str, str]:
    """`a/b; charset=c; boundary=d` → (type in lower case, charset or utf-8, boundary or "")."""
    message = Message()
    message["Content-Type"] = header
    charset = message.get_param("charset") or "utf-8"
    boundary = message.get_param("boundary") or ""
    return message.get_content_type() if header else "", str(charset), str(boundary)


def split_multipart(body: bytes, boundary: str) -> Tuple[Pairs, Files]:
    """The fields and files of a multipart body. ValueError for one that is not well formed."""
    if not boundary:
        raise ValueError("no boundary")
    form: Pairs = []
    files: Files = {}
    # The first delimiter has no line break before it; with one added all look the same.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("ascii"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("no closing delimiter")
    for piece in pieces[1:-1]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator:
            raise ValueError("a part without an end of its headers")
        name, filename = _disposition(head)
        if filename is None:
            form.append((name, content.decode("utf-8")))
        else:
            files[name] = (filename, content)
    return form, files


def _disposition(head: bytes) -> Tuple[str, Optional[str]]:
    """Name and filename (None for a plain field) that the headers of a part tell."""
    message = Message()
    for line in head.decode("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            message["Content-Disposition"] = value.strip()
    name = message.get_param("name", header="Content-Disposition")
    if not isinstance(name, str):
        raise ValueError("a part without a name")
    return name, message.get_filename()


def _problem_of_type(content_type: str, body: bytes) -> str:
    """Slack's code for a body of a type that it does not read; text/plain it reads as nothing."""
    if not body or content_type == PLAIN:
        return ""
    return "invalid_post_type" if content_type else "missing_post_type"
