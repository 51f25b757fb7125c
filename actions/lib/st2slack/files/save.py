"""A file answer to a path on the action runner: streamed, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from st2slack.api import decoding
from st2slack.base.errors import InputError, ResponseLost, UnexpectedResponse

_CHUNK = 1024 * 1024


def check_target(path: Any, overwrite: bool) -> str:
    """`path` if a file may be written there. Raises InputError before anything is fetched."""
    if not path:
        raise InputError("Parameter `save_to` must name the file to write, e.g. /tmp/out.json.gz.")
    if "\0" in str(path):
        raise InputError("Parameter `save_to` must be a path; it has a NUL in it.")
    target: str = os.path.abspath(os.path.expanduser(str(path)))
    if os.path.isdir(target):
        raise InputError("Parameter `save_to`: %s is a folder; name a file in it." % target)
    if os.path.lexists(target) and not overwrite:
        raise InputError(
            "Parameter `save_to`: %s exists. Choose another path, or set `overwrite`." % target
        )
    if os.path.exists(target) and not os.path.isfile(target):
        raise InputError(
            "Parameter `save_to`: %s is no regular file (a device, a pipe or a socket). Name "
            "another file." % target
        )
    if not os.path.isdir(os.path.dirname(target)):
        raise InputError("Parameter `save_to`: there is no folder %s." % os.path.dirname(target))
    return target


@dataclass(frozen=True)
class Limits:
    """What a body may be. `most`: bytes, None for any number; `exactly`: how many it must have."""

    most: Optional[int] = None
    exactly: Optional[int] = None


@dataclass(frozen=True)
class Saved:
    """A file that was saved whole; `size` in bytes."""

    path: str
    size: int
    sha256: str


def save(response: Any, path: str, overwrite: bool, method: str) -> Dict[str, Any]:
    """Stream the body to `path`; returns {"ok": True, "path", "size"} (bytes)."""
    saved = store(response, path, overwrite, method)
    return {"ok": True, "path": saved.path, "size": saved.size}


def store(
    response: Any, path: str, overwrite: bool, method: str, limits: Limits = Limits()
) -> Saved:
    """Stream the body to `path`.

    It is written beside its place and moved there when it is whole, so that a broken transfer
    leaves nothing, and a file that came into being meanwhile is not overwritten.
    """
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=".slack-", suffix=".part", dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as stream:
            size, sha256 = _copy(response, stream, method, limits)
        _move(part, path, overwrite)
    except (RequestException, HTTPError) as error:
        raise ResponseLost(
            "%s broke off while the file was coming (%s). Nothing was kept."
            % (method, type(error).__name__)
        ) from None
    except OSError as error:
        raise InputError(
            "Parameter `save_to`: %s cannot be written: %s. Nothing was kept."
            % (path, error.strerror)
        ) from None
    finally:
        response.close()
        if part and os.path.exists(part):
            os.unlink(part)
    return Saved(path, size, sha256)


def _copy(response: Any, stream: Any, method: str, limits: Limits) -> Tuple[int, str]:
    """(bytes, SHA-256 in hexadecimal) of what was copied."""
    size, digest = 0, hashlib.sha256()
    if not response.headers.get("Content-Encoding"):  # else it is not the length of the file
        check_size(_length(response), limits)
    for chunk in decoding.pieces(response, _CHUNK, limits.most):
        size += len(chunk)
        check_size(size, limits)
        digest.update(chunk)
        stream.write(chunk)
    _check_whole(response, size, method, limits)
    return size, digest.hexdigest()


def check_size(size: Optional[int], limits: Limits) -> None:
    """Raise InputError where there is more than may be."""
    if size is not None and limits.most is not None and size > limits.most:
        raise InputError(
            "Parameter `max_bytes`: the file has more than %d bytes. Nothing was kept."
            % limits.most
        )


def _check_whole(response: Any, size: int, method: str, limits: Limits) -> None:
    """Older versions of urllib3 do not notice that a body ends too early."""
    told, came = _length(response), response.raw.tell()
    if told is not None and came != told:
        raise ResponseLost(
            "%s broke off while the file was coming (%d of %d bytes). Nothing was kept."
            % (method, came, told)
        )
    if limits.exactly is not None and size != limits.exactly:
        raise UnexpectedResponse(
            "%s got %d bytes that are not the file, which has %d: a sign-in page, it seems. Check "
            "that the token has the scope files:read and may see the file. Nothing was kept."
            % (method, size, limits.exactly)
        )


def _length(response: Any) -> Optional[int]:
    """Bytes that the server announced, None where it did not."""
    text = str(response.headers.get("Content-Length") or "")
    return int(text) if text.isdigit() else None


def _move(part: str, path: str, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, path)
    else:
        os.link(part, path)  # fails where `path` exists by now
