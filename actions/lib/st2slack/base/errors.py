"""PURE: the error tree. Foreign errors are translated into it once, in `api/transport.py`.

    SlackError
    ├── SettingsError     the pack's config is wrong or lacks something; nothing was sent
    ├── InputError        a parameter cannot be used; nothing was sent
    ├── NotFound          nobody and nothing in Slack goes by what was given; nothing was changed
    │   └── SeveralMatch  … more than one does
    ├── ResultTooLarge    the answer is more than StackStorm can store
    ├── NotStored         new tokens came, and the datastore did not take them
    ├── PayloadRejected   a trigger's payload breaks its schema; StackStorm will never take it
    ├── TriggerTypeMissing  StackStorm does not know a trigger of the sensor
    ├── Fault             no usable answer
    │   ├── NotDelivered  the request surely did not arrive (name, connection, proxy)
    │   ├── Distrusted    the server's certificate does not verify
    │   ├── Unanswered    the request may have arrived: no answer, or a broken one
    │   ├── Misdirected   something that is not the Slack API answered, and will again
    │   └── Disconnected  the sensor's socket could not be opened, or ended
    ├── Refusal           Slack answered `ok: false`
    │   └── RateLimited   … because there were too many calls; safe to send again
    └── ApiFault          StackStorm's own API gave no answer: what was sent may have counted
        └── ApiRefusal    … it refused

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


class Fault(SlackError):
    """No usable answer came."""


class NotDelivered(Fault):
    """Nothing arrived at Slack: sending again is safe for everything."""


class Distrusted(Fault):
    """The certificate does not verify; trying again does not help."""


class Unanswered(Fault):
    """The request may have arrived. Only what does not write is sent again."""


class Misdirected(Fault):
    """Something between here and Slack answered; trying again does not help."""


class Disconnected(Fault):
    """A socket could not be opened, or ended.

    `retry_after`: seconds, where the server said so; `reason`: of Slack's `disconnect`, else "".
    """

    def __init__(self, message: str, retry_after: Optional[float] = None, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class Refusal(SlackError):
    """Slack answered `ok: false`.

    `method`: the Web API method; `code`: Slack's error code; `answer`: Slack's whole answer.
    """

    def __init__(self, message: str, method: str, code: str, answer: Dict[str, Any]) -> None:
        super().__init__(message)
        self.method = method
        self.code = code
        self.answer = answer


class RateLimited(Refusal):
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


class ApiFault(SlackError):
    """StackStorm's own API gave no answer; what was sent to it may have counted."""


class ApiRefusal(ApiFault):
    """StackStorm's own API refused. `status`: of HTTP; `reason`: its own words."""

    def __init__(self, what: str, status: int, reason: str) -> None:
        reason = " ".join(reason.split())[:500]
        super().__init__("StackStorm refused %s: %s (HTTP %d)." % (what, reason, status))
        self.status = status
        self.reason = reason
