"""What an error of `requests` means: the only translation of foreign errors into the pack's.

It tells whether the request surely did not arrive (`RequestNotSent`), may have arrived
(`ResponseLost`), or would fail the same way again. Observed on Python 3.8 and 3.12: only a name
that is not found, a connection that is refused or times out, and a proxy that refuses the tunnel
surely mean "not arrived". A TLS handshake that is cut raises the same error as an answer that is
cut, so it counts as "may have arrived".
"""

from __future__ import annotations

import os
import ssl
from typing import Iterator, Optional, Tuple, Type
from urllib.parse import urlsplit

from requests import exceptions as faults
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeout

from st2slack.api.request import Request, describe
from st2slack.base.errors import CertificateError, RequestNotSent, ResponseLost, SettingsError
from st2slack.settings.slack import Settings

Verdict = Tuple[Type[Exception], str]  # an error class and what to say


def translate(error: BaseException, request: Request, settings: Settings) -> Exception:
    """What `error` means for the request, without anything secret in it."""
    kind, text = (
        _distrusted(error, request)
        or _unusable(error, settings)
        or _not_arrived(error, request, settings)
        or _perhaps_arrived(error, request)
        or _never_sent(error)
    )
    return kind(describe(request, text))


def _distrusted(error: BaseException, request: Request) -> Optional[Verdict]:
    found = _find(error, ssl.SSLCertVerificationError)
    if found is None:
        return None
    why = getattr(found, "verify_message", "") or "it does not verify"
    return CertificateError, (
        "did not trust the certificate of %s (%s). If a proxy or an own CA stands "
        "between, name its CA file in the config key `ca_bundle` or in "
        "REQUESTS_CA_BUNDLE." % (request.host, why)
    )


def _unusable(error: BaseException, settings: Settings) -> Optional[Verdict]:
    """What a setting makes impossible; nothing was sent."""
    if _find(error, LocationParseError) is not None:
        return SettingsError, "cannot be sent: `api_url` or `proxy` names no host."
    if _find(error, ssl.SSLError) is None:
        return None
    bundle = settings.ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        ssl.create_default_context(cafile=bundle or None)
    except OSError:
        return SettingsError, (
            "cannot be sent: the CA file %s holds no certificates. Check the config key "
            "`ca_bundle` and REQUESTS_CA_BUNDLE." % bundle
        )
    return None


def _not_arrived(error: BaseException, request: Request, settings: Settings) -> Optional[Verdict]:
    if isinstance(error, faults.ProxyError) and _before_the_tunnel(error):
        return RequestNotSent, (
            "was stopped by the proxy%s: %s. Check the config key `proxy`, HTTPS_PROXY and "
            "NO_PROXY." % (_proxy_name(settings), _root(error))
        )
    if isinstance(error, faults.ConnectTimeout):
        return RequestNotSent, (
            "could not reach %s: no connection in time. Check network, firewall and proxy."
            % request.host
        )
    if isinstance(error, faults.ConnectionError) and _find(error, NewConnectionError) is not None:
        return RequestNotSent, (
            "could not reach %s: %s. Check network, DNS and proxy." % (request.host, _root(error))
        )
    return None


def _before_the_tunnel(error: BaseException) -> bool:
    """urllib3 blames the proxy also for what breaks in a tunnel that stood (tried: 1.26 to 2.8)."""
    return (
        _find(error, NewConnectionError) is not None
        or _find(error, ConnectTimeoutError) is not None
        or _root(error).startswith("Tunnel connection failed")
    )


def _perhaps_arrived(error: BaseException, request: Request) -> Optional[Verdict]:
    if type(error) is ValueError:
        # What we send was checked before; requests reads the address of a redirect by itself.
        return ResponseLost, "got an answer that cannot be used (%s)." % _root(error)
    if isinstance(error, (faults.ContentDecodingError, DecodeError)):
        return ResponseLost, "got an answer that cannot be decoded (%s)." % _root(error)
    if isinstance(error, (faults.Timeout, HTTPTimeout)):
        return ResponseLost, "got no answer from %s in time." % request.host
    if isinstance(
        error,
        (
            faults.ConnectionError,
            faults.ChunkedEncodingError,
            HTTPError,
        ),
    ):
        return ResponseLost, "lost the connection to %s (%s)." % (request.host, _root(error))
    return None


def _never_sent(error: BaseException) -> Verdict:
    """What is left was raised before anything went out: a URL, header or file that is no good."""
    return SettingsError, (
        "cannot be sent (%s: %s). Check `api_url`, `proxy`, `ca_bundle`, "
        "REQUESTS_CA_BUNDLE and the token." % (type(error).__name__, _root(error))
    )


def _proxy_name(settings: Settings) -> str:
    host = urlsplit(settings.proxy).hostname if settings.proxy else None
    return " " + host if host else ""


def _find(error: BaseException, kind: type) -> Optional[BaseException]:
    """The first error of `kind` among `error` and what it wraps."""
    if isinstance(error, kind):
        return error
    found = (_find(each, kind) for each in _wrapped(error))
    return next((each for each in found if each is not None), None)


def _root(error: BaseException) -> str:
    """The innermost reason in few words: "Connection refused" rather than three wrapped objects."""
    while True:
        inner = next(_wrapped(error), None)
        if inner is None:
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")[:300]


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The errors that `error` was made from."""
    for each in (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args):
        if isinstance(each, BaseException) and each is not error:
            yield each
