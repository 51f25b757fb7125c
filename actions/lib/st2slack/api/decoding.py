"""The body of a response, decoded piece by piece.

urllib3 before 2.6 decodes whatever one read brought in at once, and Python 3.8 gets 2.2: 1.8 KB
that were compressed twice become 2.2 GB. Here no step makes more than one piece, so whoever reads
can stop. Only what was asked for is decoded: gzip and deflate (RFC 9110, section 8.4).
"""

from __future__ import annotations

import zlib
from typing import Any, Iterator, List, Optional

from urllib3.exceptions import DecodeError

ACCEPTED = "gzip, deflate"
_GZIP = 16 + zlib.MAX_WBITS
_MOST_LAYERS = 3
_OVERHEAD = 64 * 1024  # bytes that a small body may grow by when it is encoded
_GZIP_MARK = b"\x1f\x8b"


def pieces(response: Any, size: int, most: Optional[int] = None) -> Iterator[bytes]:
    """The decoded body in pieces of at most some `size` bytes.

    `most`: bytes that are read and decoded; no more is needed to know that it is too much. Raises
    urllib3's errors, DecodeError for what cannot be decoded.
    """
    if not hasattr(response.raw, "stream"):  # one of a test's own making
        yield from response.iter_content(size)
        return
    body: Iterator[bytes] = response.raw.stream(size, decode_content=False)
    for layer in _layers(response):
        body = _decoded(_bounded(body, most), layer, size)
    yield from body


def _layers(response: Any) -> List[str]:
    """The encodings of the body, the one that was applied last first."""
    text = str(response.headers.get("Content-Encoding") or "").lower()
    names = [each.strip() for each in text.split(",")]
    layers = [each for each in names if each not in ("", "identity")]
    unknown = [each for each in layers if each not in ("gzip", "x-gzip", "deflate")]
    if unknown or len(layers) > _MOST_LAYERS:
        raise DecodeError("the encoding %r was not asked for" % text[:100])
    return layers[::-1]


def _bounded(body: Iterator[bytes], most: Optional[int]) -> Iterator[bytes]:
    """The same, but for what comes after `most` bytes: empty blocks have no end and no output."""
    size = 0
    for piece in body:
        size += len(piece)
        yield piece
        if most is not None and size > most + _OVERHEAD:
            raise DecodeError("more than %d bytes before decoding" % most)


def _decoded(body: Iterator[bytes], layer: str, size: int) -> Iterator[bytes]:
    decoder = None
    for piece in body:
        data = piece
        while data:
            if decoder is None:
                decoder = zlib.decompressobj(_GZIP if layer != "deflate" else _window(data))
            out = _step(decoder, data, size)
            data = decoder.unconsumed_tail
            if out:
                yield out
            if decoder.eof:
                # What follows a gzip member is another one, or nothing that counts.
                data = decoder.unused_data
                if layer == "deflate" or (data and not data.startswith(_GZIP_MARK[: len(data)])):
                    return
                decoder = None
    if decoder is not None:
        rest = decoder.flush()
        if rest:
            yield rest
        if not decoder.eof:
            raise DecodeError("the encoded body ends too early")


def _step(decoder: Any, data: bytes, size: int) -> bytes:
    try:
        out: bytes = decoder.decompress(data, size)
    except zlib.error as error:
        raise DecodeError("the body is not encoded as it says: %s" % error) from None
    return out


def _window(data: bytes) -> int:
    """Servers send deflate with and without the header of zlib."""
    has_header = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] * 256 + data[1]) % 31 == 0)
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
