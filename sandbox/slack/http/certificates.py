"""Certificates of a server that is to be trusted, or that is not to be."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any, Dict

KINDS = ("good", "wrong_name", "expired")

# The name in the certificate `wrong_name`; a proxy can lead there.
ELSEWHERE = ("elsewhere.example",)


def server_context(kind: str, ca_file: Path) -> ssl.SSLContext:
    """A TLS context of this kind; the CA that signed it is written to `ca_file`.

    good: for 127.0.0.1 and localhost; wrong_name: for another host; expired: yesterday.
    """
    import trustme  # here, so that a server without TLS runs where it is not installed

    if kind not in KINDS:
        raise ValueError("tls is one of {}, not {!r}".format(", ".join(KINDS), kind))
    names = ELSEWHERE if kind == "wrong_name" else ("127.0.0.1", "localhost")
    options: Dict[str, Any] = {}
    if kind == "expired":
        now = datetime.datetime.now(datetime.timezone.utc)
        options["not_after"] = now - datetime.timedelta(days=1)
    ca = trustme.CA()
    certificate = ca.issue_cert(*names, **options)
    ca.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
