"""What is to be uploaded: a file on the action runner, read while it is sent, or a text."""

from __future__ import annotations

import io
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Callable, Iterator, List, Mapping, Optional, Tuple

from st2slack.api.encoding import encode_value
from st2slack.base.errors import InputError

BLOCK = 65536  # bytes that are in memory at a time
UNNAMED = "untitled.txt"

_SOURCES = ("file_path", "file_paths", "file", "content")
_OF_ONE = ("filename", "title", "alt_txt", "filetype", "snippet_type")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

Progress = Callable[[str, int, int], None]  # name of the file, bytes sent, bytes in all


@dataclass(frozen=True)
class Source:
    """One file to upload: the bytes at `path`, else `content`. `parameter` names it in errors."""

    parameter: str
    name: str
    path: Optional[str] = None
    content: bytes = b""
    title: Optional[str] = None
    alt_txt: Optional[str] = None
    snippet_type: Optional[str] = None

    @contextmanager
    def opened(self, progress: Progress = lambda name, sent, size: None) -> Iterator[Body]:
        """The body of one try. Raises InputError for what cannot be read, or has no bytes."""
        with self._stream() as stream:
            size = len(self.content) if self.path is None else _size(stream)
            if size == 0:
                raise self.unusable("is empty; Slack takes no file without bytes.")
            yield Body(self, stream, size, progress)

    def _stream(self) -> IO[bytes]:
        if self.path is None:
            return io.BytesIO(self.content)
        try:
            # Without O_NONBLOCK a pipe would be waited for without end.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return os.fdopen(handle, "rb")
            os.close(handle)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            why = getattr(error, "strerror", None) or str(error)
            raise self.unusable("cannot be read on the action runner: %s." % why) from None
        raise self.unusable("is no file: a folder, a pipe or a device cannot be uploaded.")

    def unusable(self, why: str) -> InputError:
        """The error for this file."""
        what = "" if self.path is None else " %r" % self.path[:200]
        return InputError("Parameter `%s`:%s %s" % (self.parameter, what or " it", why))


class Body:
    """The bytes of one try, read while they are sent. `sent`: how many were."""

    def __init__(self, source: Source, stream: IO[bytes], size: int, progress: Progress) -> None:
        self._source = source
        self._stream = stream
        self._size = size
        self._progress = progress
        self.sent = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK), b"")

    def read(self, size: Optional[int] = None) -> bytes:
        """The next bytes; b"" at the end. InputError where the file is not as long as it was."""
        left = self._size - self.sent
        block = self._block(min(left, size if size and size > 0 else BLOCK)) if left else b""
        if left and (not block or len(block) == left):
            self._check_size(self.sent + len(block))
        self.sent += len(block)
        self._progress(self._source.name, self.sent, self._size)
        return block

    def _block(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            text = "could not be read to its end: %s." % (error.strerror or error)
            raise self._source.unusable(text) from None

    def _check_size(self, found: int) -> None:
        """Before the last bytes go out, the file must have as many as were announced."""
        if self._source.path is not None:
            found = max(found, _size(self._stream)) if found == self._size else found
        if found != self._size:
            text = "changed its size during the upload, from %d to %d bytes. Upload a copy at rest."
            raise self._source.unusable(text % (self._size, found))


def _size(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_size


def sources(given: Mapping[str, Any]) -> List[Source]:
    """The files to upload, by the action's parameters; each was opened once. Raises InputError."""
    name, value = _one_source(given)
    paths = value if name == "file_paths" else [value]
    if not isinstance(paths, list) or not all(each and isinstance(each, str) for each in paths):
        raise InputError('Parameter `file_paths` must be a list of paths, e.g. ["/tmp/a.txt"].')
    if len(paths) > 1:
        single = [each for each in _OF_ONE if given.get(each)]
        if single:
            raise InputError(
                "Parameter `%s` is about one file, and `file_paths` names %d. Leave it out: each "
                "file goes by its own name." % (single[0], len(paths))
            )
    found = [_source(name, each, given) for each in paths]
    for source in found:
        with source.opened():
            pass
    return found


def _one_source(given: Mapping[str, Any]) -> Tuple[str, Any]:
    there = [name for name in _SOURCES if given.get(name)]
    if len(there) == 1:
        return there[0], given[there[0]]
    if there:
        raise InputError(
            "Give one of `file_path`, `file_paths`, `file` and `content`, not several (%s)."
            % ", ".join("`%s`" % each for each in there)
        )
    empty = [name for name in _SOURCES if given.get(name) is not None]
    if empty:
        raise InputError("Parameter `%s` is empty; Slack takes no file without bytes." % empty[0])
    raise InputError("Give what to upload: `file_path`, `file_paths`, `file` or `content`.")


def _source(parameter: str, value: str, given: Mapping[str, Any]) -> Source:
    from_disk = parameter.startswith("file_path")
    name = given.get("filename") or (os.path.basename(value) if from_disk else UNNAMED)
    snippet = given.get("snippet_type") or _filetype(parameter, given)
    return Source(
        parameter,
        # Slack shows the name on one line. A path may hold bytes that are no text.
        _CONTROL.sub("_", name).encode("utf-8", "replace").decode("utf-8"),
        value if from_disk else None,
        b"" if from_disk else encode_value(parameter, value).encode("utf-8"),
        given.get("title") or None,
        given.get("alt_txt") or None,
        snippet or None,
    )


def _filetype(parameter: str, given: Mapping[str, Any]) -> Optional[str]:
    """2.x gave it with any file, and Slack used it for texts. A type of file is no snippet's."""
    kind = given.get("filetype")
    return kind if parameter == "content" and kind != "auto" else None
