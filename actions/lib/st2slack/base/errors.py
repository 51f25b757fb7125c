"""PURE: the error tree. Foreign errors are translated into it once, in `api/transport_errors.py`.

    SlackError
    ├── SettingsError           the pack's config is wrong or incomplete; nothing was sent
    ├── InputError              a parameter cannot be used; nothing was sent
    ├── NotFound                Slack has nobody and nothing by that name; nothing was changed
    │   └── SeveralMatch        … more than one match
    ├── ResultTooLarge          the answer is more than StackStorm can store
    ├── NotStored               new tokens came, and the datastore did not store them
    ├── PayloadRejected         a trigger's payload breaks its schema; StackStorm never takes it
    ├── TriggerTypeMissing      StackStorm does not know a trigger of the sensor
    ├── TransportError          no usable answer
    │   ├── RequestNotSent      the request surely did not arrive (name, connection, proxy)
    │   ├── CertificateError    the server's certificate does not verify
    │   ├── ResponseLost        the request may have arrived: no answer, or a broken one
    │   ├── UnexpectedResponse  something that is not the Slack API answered, and will again
    │   └── Disconnected        the sensor's socket could not be opened, or ended
    ├── SlackApiError           Slack answered `ok: false`
    │   └── RateLimited         … because there were too many calls; safe to send again
    └── StackStormUnavailable   StackStorm's API gave no answer: the request may have counted
        └── StackStormError     … it refused

Every message is one line, names what is wrong and says what to do, and holds no secret.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence


class SlackError(Exception):
    """Base of all errors of this pack."""

    def add(self, text: str) -> None:
        """Say more: `text` is put behind the message as it is."""
        self.args = (str(self) + text, *self.args[1:])


class SettingsError(SlackError):
    """The pack's config is wrong or lacks a key that is needed. Nothing was sent."""


class InputError(SlackError):
    """A parameter cannot be used as it is. Nothing was sent."""


class NotFound(SlackError):
    """Nobody and nothing in Slack goes by what was given. Slack was only asked, nothing changed."""


class SeveralMatch(NotFound):
    """More than one goes by what was given. `candidates`: their IDs, in Slack's order."""

    def __init__(self, message: str, candidates: Sequence[str]) -> None:
        super().__init__(message)
        self.candidates = list(candidates)


class PayloadRejected(SlackError):
    """A trigger's payload breaks the schema that StackStorm has: it will never take it."""


class TriggerTypeMissing(SlackError):
    """StackStorm does not know a trigger of the sensor: the pack is not, or not all, registered."""


class ResultTooLarge(SlackError):
    """The result would break StackStorm's limit of 16 MB for an execution."""


class NotStored(SlackError):
    """New tokens could not be stored. `path`: the file that holds them, None where none could."""

    def __init__(self, message: str, path: Optional[str] = None) -> None:
        super().__init__(message)
        self.path = path


class TransportError(SlackError):
    """No usable answer came."""


class RequestNotSent(TransportError):
    """Nothing arrived at Slack: sending again is safe for everything."""


class CertificateError(TransportError):
    """The certificate does not verify; trying again does not help."""


class ResponseLost(TransportError):
    """The request may have arrived. Only what does not write is sent again."""


class UnexpectedResponse(TransportError):
    """Something between here and Slack answered; trying again does not help."""


class Disconnected(TransportError):
    """A socket could not be opened, or ended.

    `retry_after`: seconds, where the server said so; `reason`: of Slack's `disconnect`, else "".
    """

    def __init__(self, message: str, retry_after: Optional[float] = None, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class SlackApiError(SlackError):
    """Slack answered `ok: false`.

    `method`: the Web API method; `code`: Slack's error code; `answer`: Slack's whole answer.
    """

    def __init__(self, message: str, method: str, code: str, answer: Dict[str, Any]) -> None:
        super().__init__(message)
        self.method = method
        self.code = code
        self.answer = answer


class RateLimited(SlackApiError):
    """Too many calls. `retry_after`: seconds that Slack asked to wait, None where it did not."""

    def __init__(
        self,
        message: str,
        method: str,
        code: str,
        answer: Dict[str, Any],
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message, method, code, answer)
        self.retry_after = retry_after


class StackStormUnavailable(SlackError):
    """StackStorm's own API gave no answer; what was sent to it may have counted."""


class StackStormError(StackStormUnavailable):
    """StackStorm's own API refused. `status`: of HTTP; `reason`: its own words."""

    def __init__(self, what: str, status: int, reason: str) -> None:
        reason = " ".join(reason.split())[:500]
        super().__init__("StackStorm refused %s: %s (HTTP %d)." % (what, reason, status))
        self.status = status
        self.reason = reason
