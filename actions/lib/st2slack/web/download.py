"""A file answer to a path on the action runner: streamed, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Dict

from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from st2slack.errors import InputError, Unanswered

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
    if not os.path.isdir(os.path.dirname(target)):
        raise InputError("Parameter `save_to`: there is no folder %s." % os.path.dirname(target))
    return target


def save(response: Any, path: str, overwrite: bool, method: str) -> Dict[str, Any]:
    """Stream the body to `path`; returns {"ok": True, "path", "size"} (bytes).

    It is written beside its place and moved there when it is whole, so that a broken transfer
    leaves nothing, and a file that came into being meanwhile is not overwritten.
    """
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=".slack-", suffix=".part", dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as stream:
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
        _move(part, path, overwrite)
    except (RequestException, HTTPError) as error:
        raise Unanswered(
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
    return {"ok": True, "path": path, "size": os.path.getsize(path)}


def _move(part: str, path: str, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, path)
    else:
        os.link(part, path)  # fails where `path` exists by now
