"""Keeps credentials out of what urllib3 logs while a request is under way.

urllib3 logs the path of every URL at DEBUG, the whole URL at WARNING where it cannot parse the
headers of an answer, and both again where it retries or redirects. The URL of a webhook, a
response_url and an upload URL are credentials.

A filter of a logger sees the records of that logger alone, not those of its children, and the
handlers usually belong to the root logger, that is to somebody else. So the filter is on every
logger of urllib3 there is, for as long as the request takes.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, List, Tuple

from st2slack.base.redact import redact

PACKAGE = "urllib3"
# Created by urllib3 when it is imported; named here, so that none is missed.
_KNOWN = ("connection", "connectionpool", "poolmanager", "response", "util.retry")


class CleanLog(logging.Filter):
    """Takes `secrets`, and what looks like a credential, out of what urllib3 logs meanwhile."""

    def __init__(self, secrets: Tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets
        self._loggers: List[logging.Logger] = []

    def begin(self) -> None:
        """From here on urllib3 logs nothing secret."""
        self._loggers = _loggers()
        for logger in self._loggers:
            logger.addFilter(self)

    def end(self) -> None:
        """The request is over."""
        for logger in self._loggers:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without secrets: in its text and in its traceback."""
        record.msg, record.args = self._clean(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self._clean(_traceback(record.exc_info))
            record.exc_info = None
        return True

    def _clean(self, text: str) -> str:
        return redact(text, self._secrets)


def _loggers() -> List[logging.Logger]:
    """All loggers of urllib3."""
    for name in _KNOWN:
        logging.getLogger("%s.%s" % (PACKAGE, name))
    known = list(logging.root.manager.loggerDict.items())
    return [
        logger
        for name, logger in known
        if isinstance(logger, logging.Logger) and (name + ".").startswith(PACKAGE + ".")
    ]


def _traceback(exc_info: Any) -> str:
    return "".join(traceback.format_exception(*exc_info)).rstrip("\n")
